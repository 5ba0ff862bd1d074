"""The recommendation table: every user's slate by one model version, replaced as a whole."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from serendip.arrays import I32
from serendip.data.slates import Slates
from serendip.store.connection import Connection, Database


class Recommended(NamedTuple):
    """One position of a slate; a reason may be missing."""

    item: int
    item_id: str
    score: float
    reason: str | None


def current(connection: Connection) -> tuple[int, str | None]:
    """Return the run that readers see and the model version it is of; 0 and None before the first."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'recommendations'").fetchone()
    run, version = json.loads(row[0]) if row else (0, None)
    return run, version


def put(database: Database, version: str, slates: Iterable[tuple[I32, Slates, Sequence[Sequence[str]] | None]]) -> int:
    """Write blocks of slates as a new run, then make it current in one step; return how many users have some."""
    with database.write() as connection:
        run = current(connection)[0] + 1
        connection.execute("DELETE FROM recommendations WHERE run != ?", [run - 1])  # what an interrupted run left
    users = 0
    for user, block, reasons in slates:
        filled = block.item >= 0  # (B, k)
        row, position = (at.tolist() for at in np.nonzero(filled))
        said = [None if reasons is None else reasons[r][p] for r, p in zip(row, position, strict=True)]
        rows = pl.DataFrame(
            {
                "run": [run] * len(row),
                "user": user[row],
                "position": position,
                "item": block.item[filled],
                "score": block.score[filled].astype(np.float64),
                "reason": pl.Series(said, dtype=pl.String),
            }
        )
        with database.write() as connection:
            connection.pour("recommendations", rows)
        users += int(filled.any(axis=1).sum())
    with database.write() as connection:
        connection.execute(
            "INSERT INTO meta VALUES ('recommendations', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            [json.dumps([run, version])],
        )
        connection.execute("DELETE FROM recommendations WHERE run != ?", [run])
    return users


def recommended(connection: Connection, user: int | str) -> list[Recommended]:
    """Return the current slate of a user, best first; inside a snapshot."""
    who = "(SELECT idx FROM users WHERE user_id = ?)" if isinstance(user, str) else "?"
    rows = connection.execute(
        "SELECT r.item, items.item_id, r.score, r.reason FROM recommendations r JOIN items ON items.idx = r.item"
        f" WHERE r.run = ? AND r.user = {who} ORDER BY r.position",
        [current(connection)[0], user],
    )
    return [Recommended(*row) for row in rows]


def users_with_some(connection: Connection) -> int:
    """Return how many users have recommendations now."""
    run = [current(connection)[0]]
    return int(connection.execute("SELECT count(DISTINCT user) FROM recommendations WHERE run = ?", run).fetchone()[0])
