"""What items are like, as re-rankers, caps and reasons read it: vectors and classes by index."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, ItemLists, in_table
from serendip.errors import UserError, nearest
from serendip.models.encoder import Encoder, counted, kind_of
from serendip.models.neighbourhood import padded

COUNTS = {"text": 0.0, "category": 1.0, "number": 0.25, "vector": 1.0}  # texts of titles say little of what is alike


@dataclass(frozen=True)
class Classes:
    """The classes of items by one attribute: share (n_items, c) CSR, p(class | item); names (c,)."""

    share: CSR
    names: tuple[str, ...]

    @property
    def lists(self) -> ItemLists:
        """The classes of each item."""
        return ItemLists.of(self.share)

    def rows(self, item: I32) -> F32:
        """Return p(class | item), zeros where nothing is known.  # (m,) -> (m, c)"""
        found: F32 = rows(self.share, item).toarray()
        return found


@dataclass(frozen=True)
class About:
    """vectors (n_items, d) CSR, rows of length 1 or 0; classes by the attribute of a pipeline, None where none fits."""

    vectors: CSR
    classes: Classes | None

    @staticmethod
    def of(frame: pl.DataFrame | None, by: str, n_items: int) -> "About":
        """Return what the attributes say; `by` names that of the classes, the first that has some where it is empty.

        Raises:
            UserError: `by` names no attribute, or one that makes no classes.
        """
        if frame is None:
            if by:
                raise UserError(f"items have no attribute {by!r}, they have none at all")
            return About(csr_matrix(np.zeros((n_items, 0), np.float32)), None)
        by = by or next((name for name in frame.columns if kind_of(frame[name]) == "category"), "")
        vectors = Encoder.of(frame, tuple(frame.columns), COUNTS).encode(frame)
        return About(vectors, classed(frame, by, n_items) if by else None)

    def near(self, item: I32) -> F32:
        """Return the vectors of some items, less the columns that are zero for all of them.  # (m, d')"""
        part = rows(self.vectors, item)
        used = np.unique(part.indices)
        found: F32 = part[:, used].toarray()
        return found

    def taste(self, item: I32) -> F32:
        """Return p(class | user) of a history of these items, each alike; zeros where nothing is known.  # (c,)"""
        if self.classes is None:
            return np.zeros(0, np.float32)
        total = self.classes.rows(item).sum(axis=0)
        taste: F32 = (total / max(float(total.sum()), 1e-30)).astype(np.float32)
        return taste


def rows(table: CSR, item: I32) -> CSR:
    """Return rows of a table, empty ones for items beyond it."""
    known, at = in_table(item, table.shape[0])
    return csr_matrix(table[at] if known.all() else padded(table)[np.where(known, item, table.shape[0])])


def classed(frame: pl.DataFrame | None, by: str, n_items: int) -> Classes:
    """Return the classes of items by an attribute: each text of a list, or each value.

    Raises:
        UserError: there is no such attribute, or it is a number or a date.
    """
    if frame is None or by not in frame.columns:
        raise UserError(f"items have no attribute {by!r}{nearest(by, [] if frame is None else frame.columns)}")
    series = frame[by].head(n_items)
    if series.dtype.is_numeric() or series.dtype.is_temporal():
        raise UserError(f"{by} is a number or a date, and classes are texts or lists of texts")
    found = counted(series, "category")
    said = spelled(series)
    names = sorted(set(found["term"].to_list()))
    place = {name: n for n, name in enumerate(names)}
    row = found["row"].to_numpy()
    column = np.array([place[term] for term in found["term"].to_list()], np.int32)
    share = (1 / np.bincount(row, minlength=n_items)[row]).astype(np.float32) if len(row) else np.empty(0, np.float32)
    table = csr_matrix((share, (row, column)), shape=(n_items, len(names)), dtype=np.float32)
    return Classes(table, tuple(said.get(name, name) for name in names))


def spelled(series: pl.Series) -> dict[str, str]:
    """Return how each class is written most often, by its lower case."""
    flat = series.explode() if isinstance(series.dtype, pl.List) else series
    count = Counter(one.strip() for one in flat.cast(pl.String).drop_nulls().to_list())
    return {one.lower(): one for one, _ in reversed(count.most_common())}
