"""External ids and their indices: the only place where the one becomes the other."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from hashlib import blake2b

import numpy as np
import polars as pl

from serendip.arrays import I32
from serendip.errors import NotFound, UserError, nearest

BULK = 4096  # from this many look-ups on, one join is faster than a dictionary


def as_text(value: object) -> str:
    """Return the text of an id: 1, 1.0 and " 1" are all "1"."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


class Ids:
    """An ordered, immutable table of external ids; the position of an id in it is its index.

    Raises:
        UserError: an id stands in the table twice.
    """

    __slots__ = ("__dict__", "series")

    def __init__(self, values: Iterable[object] | pl.Series) -> None:
        if not (isinstance(values, pl.Series) and values.dtype == pl.String):
            values = pl.Series("id", [as_text(v) for v in values], dtype=pl.String)
        self.series = values.alias("id").rechunk()
        if self.series.n_unique() != len(self.series):
            twice = self.series.filter(self.series.is_duplicated())[0]
            raise UserError(f"the id {twice!r} is there more than once: an index needs each id once")

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, index: int) -> str:
        return str(self.series[int(index)])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ids) and len(self) == len(other) and bool((self.series == other.series).all())

    def __hash__(self) -> int:
        return hash((len(self), self.series[0] if len(self) else None))

    def __repr__(self) -> str:
        return f"Ids({len(self)})"

    @cached_property
    def _index(self) -> dict[str, int]:
        return {text: i for i, text in enumerate(self.series.to_list())}

    def get(self, id_: object) -> int:
        """Return the index of one id, -1 where it is unknown."""
        return self._index.get(as_text(id_), -1)

    def find(self, id_: object, what: str) -> int:
        """Return the index of one id.

        Raises:
            NotFound: the id is unknown; the sentence names `what` it should have been and the nearest known id.
        """
        index = self.get(id_)
        if index < 0:
            known = self.series.head(20_000).to_list()
            hint = nearest(as_text(id_), known) if len(self) else "; there are none yet"
            raise NotFound(f"no {what} has the id {as_text(id_)!r}{hint if len(hint) < 200 else ''}")
        return index

    def index(self, ids: Sequence[object] | pl.Series) -> I32:
        """Return the indices of ids, -1 where one is unknown.  # (B,)"""
        if isinstance(ids, pl.Series) and ids.dtype == pl.String and len(ids) >= BULK:
            table = pl.DataFrame({"id": self.series, "index": np.arange(len(self), dtype=np.int32)})
            asked = pl.DataFrame({"id": ids.alias("id")})
            found = asked.join(table, on="id", how="left", maintain_order="left")["index"]
            return found.fill_null(-1).to_numpy().astype(np.int32)
        known = self._index
        return np.fromiter((known.get(as_text(i), -1) for i in ids), np.int32, len(ids))

    def take(self, index: I32) -> list[str]:
        """Return the ids at indices, in their order.  # (B,) -> B"""
        return self.series.gather(pl.Series(np.asarray(index, dtype=np.uint32))).to_list()

    def extend(self, ids: pl.Series | Sequence[object]) -> "Ids":
        """Return a table with those of `ids` that are new appended in order of first appearance."""
        more = ids if isinstance(ids, pl.Series) else pl.Series("id", [as_text(i) for i in ids], dtype=pl.String)
        more = more.alias("id").drop_nulls().unique(maintain_order=True)
        new = more.filter(self.index(more) < 0)
        return self if new.is_empty() else Ids(pl.concat([self.series, new]))

    @cached_property
    def tie(self) -> I32:
        """Rank of each index in the order that breaks ties: by a hash of the id, never by file or index.  # (n,)"""
        digests = [blake2b(i.encode(), digest_size=8, person=b"serendip").digest() for i in self.series.to_list()]
        hashed = np.frombuffer(b"".join(digests), dtype="<u8") if digests else np.empty(0, np.uint64)
        rank = np.empty(len(self), np.int32)
        rank[np.argsort(hashed, kind="stable")] = np.arange(len(self), dtype=np.int32)
        return rank
