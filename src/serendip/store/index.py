"""The append-only index space: which index an external id has, and the next free one for a new id."""

import json
import sqlite3
import time
from collections.abc import Iterable
from typing import Literal

import numpy as np
import polars as pl

from serendip.arrays import I32
from serendip.errors import UserError
from serendip.store.attributes import Kinds, as_kind, columns, merged, rows

Side = Literal["users", "items"]
KEY = {"users": "user_id", "items": "item_id"}
CHUNK = 50_000  # ids asked for by one statement


class Index:
    """The ids of one side; what a bulk load has looked up already stays in `known` (about 150 bytes an id)."""

    def __init__(self, side: Side) -> None:
        self.side: Side = side
        self.key = KEY[side]
        self.known: dict[str, int] = {}

    def assign(self, connection: sqlite3.Connection, ids: pl.Series) -> tuple[I32, int]:
        """Return the index of each id, new ids in order of first appearance, and how many are new.  # (n,)

        Raises:
            UserError: an id is missing.
        """
        if ids.null_count():
            raise UserError(f"{ids.null_count()} rows have no {self.key}: give every row one or leave it out")
        unique = ids.unique(maintain_order=True)
        asked = [i for i in unique.to_list() if i not in self.known]
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
            else:
                connection.executemany("INSERT INTO users(idx, user_id) VALUES (?, ?)", zip(given, new, strict=True))
            self.known.update(zip(new, given, strict=True))
        codes = [self.known[i] for i in unique.to_list()]
        if len(unique) == len(ids):
            return np.array(codes, np.int32), len(new)
        table = pl.DataFrame({"id": unique, "idx": pl.Series(codes, dtype=pl.Int32)})
        found = pl.DataFrame({"id": ids}).join(table, on="id", how="left", maintain_order="left")["idx"]
        return found.to_numpy(), len(new)

    def _look_up(self, connection: sqlite3.Connection, asked: list[str]) -> None:
        for start in range(0, len(asked), CHUNK):
            self.known.update(
                connection.execute(
                    f"SELECT {self.key}, idx FROM json_each(?) JOIN {self.side} ON {self.key} = value",
                    [json.dumps(asked[start : start + CHUNK])],
                )
            )

    def describe(self, connection: sqlite3.Connection, frame: pl.DataFrame) -> int:
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
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                [f"kinds.{self.side}", json.dumps(now)],
            )
        self._patch(connection, zip(rows(frame, now), index.tolist(), strict=True))
        return new

    def _retype(self, connection: sqlite3.Connection, name: str, old: Kinds, now: Kinds) -> None:
        stored = connection.execute(f"SELECT idx, attributes FROM {self.side}").fetchall()
        frame = columns([text for _, text in stored], {name: old[name]})
        assert frame is not None
        frame = frame.with_columns(as_kind(frame[name], now[name]))
        self._patch(connection, zip(rows(frame, now), (idx for idx, _ in stored), strict=True))

    def _patch(self, connection: sqlite3.Connection, patches: Iterable[tuple[str, int]]) -> None:
        connection.executemany(
            f"UPDATE {self.side} SET attributes = json_patch(attributes, ?1) WHERE idx = ?2 AND ?1 != '{{}}'", patches
        )


def kinds(connection: sqlite3.Connection, side: Side) -> Kinds:
    """Return the kind of each attribute that users or items have."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", [f"kinds.{side}"]).fetchone()
    return dict(json.loads(row[0])) if row else {}


def features(connection: sqlite3.Connection, side: Side, of: int | None = None) -> pl.DataFrame | None:
    """Return the attributes of users or items, one row an index, or those of one; None where there are none."""
    known = kinds(connection, side)
    if not known:
        return None
    one, which = ("", []) if of is None else ("WHERE idx = ?", [of])
    texts = [text for (text,) in connection.execute(f"SELECT attributes FROM {side} {one} ORDER BY idx", which)]
    return columns(texts, known)
