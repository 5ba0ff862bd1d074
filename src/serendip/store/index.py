"""The append-only index space: which index an external id has, and the next free one for a new id."""

import json
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal

import numpy as np
import polars as pl

from serendip.arrays import I32
from serendip.errors import UserError
from serendip.plural import counted
from serendip.store.attributes import Kinds, as_kind, columns, merged, rows
from serendip.store.changes import note
from serendip.store.connection import Connection, found
from serendip.store.words import drop_words, put_words, words_of

Side = Literal["users", "items"]
KEY = {"users": "user_id", "items": "item_id"}
CHUNK = 50_000  # users or items whose attributes are merged at once


class Index:
    """The ids of one side; what a bulk load has looked up already stays in `known` (about 150 bytes an id)."""

    def __init__(self, side: Side) -> None:
        self.side: Side = side
        self.key = KEY[side]
        self.known: dict[str, int] = {}

    def assign(self, connection: Connection, ids: pl.Series) -> tuple[I32, int]:
        """Return the index of each id, new ids in order of first appearance, and how many are new.  # (n,)

        Raises:
            UserError: an id is missing.
        """
        if ids.null_count():
            without = counted(ids.null_count(), "row has", "rows have")
            raise UserError(f"{without} no {self.key}: give every row one or leave it out")
        unique = ids.unique(maintain_order=True)
        new = self.meet(connection, unique.to_list())
        codes = [self.known[i] for i in unique.to_list()]
        if len(unique) == len(ids):
            return np.array(codes, np.int32), new
        table = pl.DataFrame({"id": unique, "idx": pl.Series(codes, dtype=pl.Int32)})
        found = pl.DataFrame({"id": ids}).join(table, on="id", how="left", maintain_order="left")["idx"]
        return found.to_numpy(), new

    def meet(self, connection: Connection, ids: Iterable[str]) -> int:
        """Let ids, each once, be in `known`: looked up or given the next indices; return how many are new."""
        asked = [i for i in ids if i not in self.known]
        self._look_up(connection, asked)
        new = [i for i in asked if i not in self.known]
        if new:
            (free,) = connection.execute(f"SELECT coalesce(max(idx) + 1, 0) FROM {self.side}").fetchone()
            given = range(free, free + len(new))
            if self.side == "items":
                now = int(time.time() * 1000)
                connection.executemany(
                    "INSERT INTO items(idx, item_id, added_at) VALUES (?, ?, ?)",
                    ((i, id_, now) for i, id_ in zip(given, new, strict=True)),
                )
                note(connection, "items", given)
            else:
                connection.executemany("INSERT INTO users(idx, user_id) VALUES (?, ?)", zip(given, new, strict=True))
            self.known.update(zip(new, given, strict=True))
        return len(new)

    def _look_up(self, connection: Connection, asked: list[str]) -> None:
        self.known.update(found(connection, f"SELECT {self.key}, idx FROM {self.side} WHERE {self.key} IN", asked))

    def describe(self, connection: Connection, frame: pl.DataFrame) -> int:
        """Merge attributes in: a newer value wins, a missing one erases nothing. Return how many ids are new.

        A column whose kind in `frame` contradicts the kind it had becomes text, the values that are stored too.
        """
        index, new = self.assign(connection, frame[self.key])
        old = kinds(connection, self.side)
        now = merged(old, frame, self.key)
        if now != old:
            for name in (n for n, kind in old.items() if now[n] != kind):
                self._retype(connection, name, old, now)
            connection.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                [f"kinds.{self.side}", json.dumps(now)],
            )
        self._patch(connection, zip(rows(frame, now), index.tolist(), strict=True))
        note(connection, self.side, index.tolist())
        return new

    def _retype(self, connection: Connection, name: str, old: Kinds, now: Kinds) -> None:
        stored = connection.execute(f"SELECT idx, attributes FROM {self.side}").fetchall()
        frame = columns([text for _, text in stored], {name: old[name]})
        assert frame is not None
        frame = frame.with_columns(as_kind(frame[name], now[name]))
        self._patch(connection, zip(rows(frame, now), (idx for idx, _ in stored), strict=True))

    def _patch(self, connection: Connection, patches: Iterable[tuple[str, int]]) -> None:
        """Merge attributes in, and keep the words in step; null removes an attribute."""
        waiting = iter(patches)
        while part := [(json.loads(text), idx) for text, idx in islice(waiting, CHUNK)]:
            ask = f"SELECT idx, attributes FROM {self.side} WHERE idx IN"
            stored = dict(found(connection, ask, list({idx for more, idx in part if more})))
            old = {idx: json.loads(text) for idx, text in stored.items()}
            now = {idx: dict(attributes) for idx, attributes in old.items()}
            for more, idx in part:
                if more:
                    now[idx].update(more)
            rows = []
            for idx, attributes in now.items():
                left = {name: value for name, value in attributes.items() if value is not None}
                if left != old[idx]:
                    rows.append((json.dumps(left, ensure_ascii=False, separators=(",", ":")), idx))
            connection.executemany(f"UPDATE {self.side} SET attributes = ? WHERE idx = ?", rows)
            before = {(word, idx) for _, idx in rows for word in words_of(old[idx])}
            after = {(word, idx) for text, idx in rows for word in words_of(json.loads(text))}
            drop_words(connection, self.side, before - after)
            put_words(connection, self.side, after - before)


def kinds(connection: Connection, side: Side) -> Kinds:
    """Return the kind of each attribute that users or items have."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", [f"kinds.{side}"]).fetchone()
    return dict(json.loads(row[0])) if row else {}


def features(connection: Connection, side: Side, of: int | None = None) -> pl.DataFrame | None:
    """Return the attributes of users or items, one row an index, or those of one; None where there are none."""
    known = kinds(connection, side)
    if not known:
        return None
    one, which = ("", []) if of is None else ("WHERE idx = ?", [of])
    texts = [text for (text,) in connection.execute(f"SELECT attributes FROM {side} {one} ORDER BY idx", which)]
    return columns(texts, known)


def described(connection: Connection, side: Side, index: Sequence[int]) -> pl.DataFrame | None:
    """Return the attributes of some users or items, one row each in the order asked; None where nobody has any."""
    known = kinds(connection, side)
    if not known:
        return None
    texts = dict(found(connection, f"SELECT idx, attributes FROM {side} WHERE idx IN", [int(i) for i in index]))
    return columns([texts.get(int(i), "{}") for i in index], known)
