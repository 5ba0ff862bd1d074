"""Rows of the events table: written exactly once by their id, read back as columns."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl

from serendip.arrays import F32, I8, I32, I64
from serendip.data.tables import EVENT_SCHEMA
from serendip.errors import UserError
from serendip.store.connection import Connection, found, listed
from serendip.store.index import Index

LOOKED_AT = 1000  # contexts that tell which keys there are
MAX_TYPES = 127  # codes of event types are int8
BODY = ("user", "item", "type", "value", "timestamp")  # what makes an event the same as another of its id


@dataclass(frozen=True)
class Added:
    """What came of some rows: events new, repeated (known already), of these conflicts (same id, another body: the
    first stays); users and items that were new."""

    new: int = 0
    repeated: int = 0
    conflicts: int = 0
    users: int = 0
    items: int = 0

    def __add__(self, other: "Added") -> "Added":
        return Added(
            self.new + other.new,
            self.repeated + other.repeated,
            self.conflicts + other.conflicts,
            self.users + other.users,
            self.items + other.items,
        )


def packed(ids: pl.Series) -> pl.Series:
    """Return event ids as 16 bytes: a UUID or 32 hexadecimal digits as is, other text by its hash, null by chance.

    That is what the store keeps of an event_id: 128 bits, 1.6e-24 the chance that two of 20 million collide by hash.
    """
    digits = ids.str.replace_all("-", "", literal=True)
    raw = pl.select(pl.when(digits.str.len_bytes() == 32).then(digits.str.decode("hex", strict=False))).to_series()
    if raw.null_count() == 0:
        return raw
    chance = os.urandom(16 * len(ids))
    given = [
        raw_id
        if raw_id is not None
        else blake2b(text.encode(), digest_size=16).digest()
        if text is not None
        else chance[16 * i : 16 * i + 16]
        for i, (raw_id, text) in enumerate(zip(raw.to_list(), ids.to_list(), strict=True))
    ]
    return pl.Series(ids.name, given, pl.Binary)


def pack(id_: str | None) -> bytes:
    """Return one event id as `packed` does."""
    if id_ is None:
        return os.urandom(16)
    digits = id_.replace("-", "")
    if len(digits) == 32:
        try:
            if len(raw := bytes.fromhex(digits)) == 16:
                return raw
        except ValueError:
            pass
    return blake2b(id_.encode(), digest_size=16).digest()


def insert(connection: Connection, events: pl.DataFrame, users: Index, items: Index) -> Added:
    """Write the events that are not there yet, inside the caller's transaction.

    Raises:
        UserError: a user or item id is missing, or there are too many event types.
    """
    n = len(events)
    if n == 0:
        return Added()
    events = events.with_columns(pl.lit(None, dtype).alias(c) for c, dtype in EVENT_SCHEMA.items() if c not in events)
    user, new_users = users.assign(connection, events["user_id"])
    item, new_items = items.assign(connection, events["item_id"])
    out = [one for (one,) in connection.execute("SELECT user FROM apart").fetchall()]
    if out:  # of whom nothing is recorded
        events, item = events.filter(pl.Series(~np.isin(user, out))), item[~np.isin(user, out)]
        user, n = user[~np.isin(user, out)], len(events)
    last = arrived(connection) - 1
    frame = pl.DataFrame(
        {
            "seq": np.arange(last + 1, last + 1 + n),  # the order in which events came, whatever the order of writing
            "event_id": packed(events["event_id"]),
            "user": user,
            "item": item,
            "type": codes(connection, "event_types", events["type"].fill_null("interaction"), MAX_TYPES),
            "value": events["value"].fill_nan(None),
            "timestamp": events["timestamp"],
            "context": events["context"],
            "source": codes(connection, "sources", events["source"]),
            "impression_id": events["impression_id"],
        }
    ).sort("event_id", maintain_order=True)  # so that a batch goes through the index of ids once, from left to right
    new = connection.pour("events", frame)
    if frame["timestamp"].null_count() < n:
        connection.execute("INSERT INTO meta VALUES ('timed', '1') ON CONFLICT DO NOTHING")
    differ = conflicts(connection, frame) if new < n else 0
    new -= withdraw(connection, last + 1)
    return Added(new, n - new, differ, new_users, new_items)


def withdraw(connection: Connection, first: int) -> int:
    """Remove events from number `first` on that had been taken back before they came; return how many.

    What they were is kept where only the id was known, so that another body under it is a conflict.
    """
    if connection.execute("SELECT 1 FROM withdrawn LIMIT 1").fetchone() is None:
        return 0
    taken = f"FROM events e JOIN withdrawn w ON w.event_id = e.event_id AND w.user = e.user WHERE e.seq >= {int(first)}"
    rows = connection.execute(f"SELECT e.item, e.type, e.value, e.timestamp, e.context, e.event_id {taken}").fetchall()
    if rows:
        floor(connection)
        connection.executemany(
            "UPDATE withdrawn SET item = ?, type = ?, value = ?, timestamp = ?, context = ?"
            " WHERE event_id = ? AND type IS NULL",
            rows,
        )
        connection.executemany("DELETE FROM events WHERE event_id = ?", [row[-1:] for row in rows])
    return len(rows)


def arrived(connection: Connection) -> int:
    """Return how many events have come in so far, those that were removed since included: the next one's number."""
    (there,) = connection.execute("SELECT coalesce(max(seq) + 1, 0) FROM events").fetchone()
    row = connection.execute("SELECT value FROM meta WHERE key = 'arrived'").fetchone()
    return max(int(there), int(row[0]) if row else 0)


def floor(connection: Connection) -> None:
    """Keep the number of events that came, before some of them are removed: no number is given twice."""
    connection.execute(
        "INSERT INTO meta VALUES ('arrived', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
        [str(arrived(connection))],
    )


def conflicts(connection: Connection, frame: pl.DataFrame) -> int:
    """Return how many rows have the id of an event with another body."""
    known = bodies(connection, frame["event_id"].to_list())
    rows = listed(frame.select("event_id", *BODY))
    return sum(known.get(event_id, body) != tuple(body) for event_id, *body in rows)


def bodies(connection: Connection, ids: list[bytes]) -> dict[bytes, tuple[Any, ...]]:
    """Return what the events are, by id, where there are any: `BODY`."""
    ask = f"SELECT event_id, {', '.join(BODY)} FROM events WHERE event_id IN"
    return {bytes(event_id): tuple(body) for event_id, *body in found(connection, ask, ids)}


def codes(connection: Connection, table: str, names: pl.Series, most: int | None = None) -> pl.Series:
    """Return the code of each name, new names appended to the table; null stays null.  # (n,) int32"""
    known = dict(connection.execute(f"SELECT name, code FROM {table}").fetchall())
    new = [name for name in names.unique(maintain_order=True).drop_nulls() if name not in known]
    for name in new:
        known[name] = len(known)
        connection.execute(f"INSERT INTO {table}(code, name) VALUES (?, ?)", [known[name], name])
    if most is not None and len(known) > most:
        raise UserError(
            f"there are {len(known)} types of events and {most} are possible: is {new[-1]!r} really a type?"
        )
    return names.replace_strict(list(known), list(known.values()), default=None, return_dtype=pl.Int32)


def types(connection: Connection) -> tuple[str, ...]:
    """Return the names of the event types; the position of a name is its code, in every model and history."""
    return tuple(name for (name,) in connection.execute("SELECT name FROM event_types ORDER BY code"))


def timed(connection: Connection) -> bool:
    """Return whether any event has ever had a timestamp."""
    return connection.execute("SELECT 1 FROM meta WHERE key = 'timed'").fetchone() is not None


COLUMNS = np.dtype([("user", "i4"), ("item", "i4"), ("type", "i1"), ("value", "f4"), ("timestamp", "i8")])
ORDER = "ORDER BY user, timestamp NULLS FIRST, seq"  # of a data set; an event without a timestamp comes first


def read(connection: Connection) -> tuple[I32, I32, I8, F32, I64 | None]:
    """Return user, item, type, value (NaN: none) and timestamp (0: none; None: none at all) by user, then time.

    21 bytes an event, and 21 MB on the way.
    """
    (n,) = connection.execute("SELECT count(*) FROM events").fetchone()
    out = {name: np.empty(n, COLUMNS[name]) for name in COLUMNS.names or ()}
    at = 0
    for part in connection.arrays(
        f"SELECT user, item, type, value, coalesce(timestamp, 0) FROM events {ORDER}", COLUMNS
    ):
        for name, column in out.items():
            column[at : at + len(part)] = part[name]
        at += len(part)
    return out["user"], out["item"], out["type"], out["value"], out["timestamp"] if timed(connection) else None


def frame(connection: Connection, after: int = -1, limit: int = -1) -> pl.DataFrame:
    """Return events with a seq above `after` in order of arrival: `EVENT_SCHEMA` and seq."""
    most, bound = ("", []) if limit < 0 else (" LIMIT ?", [limit])
    rows = connection.stream(
        "SELECT e.event_id, user_id, item_id, t.name, e.value, e.timestamp, e.context, s.name,"
        " e.impression_id, e.seq FROM events e JOIN users ON users.idx = e.user JOIN items ON items.idx = e.item"
        " JOIN event_types t ON t.code = e.type LEFT JOIN sources s ON s.code = e.source"
        f" WHERE e.seq > ? ORDER BY e.seq{most}",
        [after, *bound],
    )
    schema = pl.Schema({**EVENT_SCHEMA, "event_id": pl.Binary(), "seq": pl.Int64()})
    parts = [pl.DataFrame(schema=schema)]
    for part in rows:
        parts.append(pl.DataFrame(part, schema=schema, orient="row"))
    return pl.concat(parts).with_columns(pl.col("event_id").bin.encode("hex"))


def context(connection: Connection, key: str) -> pl.Series:
    """Return what the events' contexts hold under a key, null where nothing, by user, then time."""
    rows = connection.stream(f"SELECT context FROM events {ORDER}")
    return pl.Series(key, [held(text, key) for part in rows for (text,) in part], strict=False)


def first_contexts(connection: Connection) -> list[str]:
    """Return the first contexts that there are, enough to tell which keys they have."""
    rows = connection.execute("SELECT context FROM events WHERE context IS NOT NULL LIMIT ?", [LOOKED_AT]).fetchall()
    return [text for (text,) in rows]


def keys(contexts: Iterable[str]) -> list[str]:
    """Return the keys that contexts have."""
    return sorted({key for text in contexts for key in said(text)})


def said(text: str | None) -> Mapping[str, object]:
    """Return what a context says, nothing where it is no JSON object."""
    try:
        whole = json.loads(text) if text else None
    except ValueError:
        return {}
    return whole if isinstance(whole, dict) else {}


def held(text: str | None, key: str) -> object:
    """Return what a context holds under a key: lists and objects as text, None where it is no JSON object."""
    value = said(text).get(key)
    if isinstance(value, bool):
        return int(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
