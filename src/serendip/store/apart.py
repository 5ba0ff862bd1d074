"""Users who stand apart: opted out, so that nothing is recorded or used, or erased, so that nothing is left of them."""

import re

import numpy as np
import polars as pl

from serendip.arrays import I32
from serendip.store.changes import ANY, note
from serendip.store.connection import Connection
from serendip.store.events import floor
from serendip.store.words import SIDES

MARK = " erased "  # no id begins with a space, so that no user is ever taken for an erased one
OF_USERS = ("events", "withdrawn", "recommendations", "impressions")


def opt_out(connection: Connection, user: int, out: bool) -> None:
    """Let a user opt out, or in again; who is out has no slate computed beforehand either."""
    if out:
        connection.execute("DELETE FROM recommendations WHERE user = ?", [user])
        connection.execute("INSERT INTO apart(user, erased) VALUES (?, 0) ON CONFLICT(user) DO NOTHING", [user])
    else:
        connection.execute("DELETE FROM apart WHERE user = ? AND erased = 0", [user])
    note(connection, "users", [user])


def erase(connection: Connection, user: int, user_id: str) -> int:
    """Remove all that is known of a user but the index, which nobody gets; return how many events that were."""
    floor(connection)
    (events,) = connection.execute("SELECT count(*) FROM events WHERE user = ?", [user]).fetchone()
    for table in OF_USERS:
        connection.execute(f"DELETE FROM {table} WHERE user = ?", [user])
    connection.execute("DELETE FROM words WHERE side = ? AND idx = ?", [SIDES["users"], user])
    connection.execute("UPDATE users SET user_id = ?, attributes = '{}' WHERE idx = ?", [f"{MARK}{user}", user])
    connection.execute(
        "INSERT INTO apart(user, erased) VALUES (?, 1) ON CONFLICT(user) DO UPDATE SET erased = 1", [user]
    )
    named = mentions(user_id)
    bad = connection.execute("SELECT file, line, reason, row FROM quarantine").fetchall()
    gone = [key for *key, row in bad if named.search(row or "")]
    if gone:
        connection.executemany("DELETE FROM quarantine WHERE file = ? AND line = ? AND reason = ?", gone)
    note(connection, "users", [ANY])  # whatever anybody keeps under the id
    return int(events)


def mentions(user_id: str) -> re.Pattern[str]:
    """Return what finds an id that stands by itself in a text."""
    return re.compile(rf"(?<![\w-]){re.escape(user_id)}(?![\w-])")


def without(about: pl.DataFrame, users: I32) -> pl.DataFrame:
    """Return the attributes of all users, those of some taken away."""
    used = np.ones(len(about), np.bool_)
    used[users] = False
    return about.select(pl.when(pl.Series(used)).then(pl.all()))


def apart(connection: Connection, erased: bool = False) -> I32:
    """Return the users who stand apart, or only the erased ones.  # (n,) ascending"""
    only = "WHERE erased = 1" if erased else ""
    rows = connection.execute(f"SELECT user FROM apart {only} ORDER BY user").fetchall()
    return np.array([user for (user,) in rows], np.int32)
