"""Each hot query goes by its index, in both databases: nothing that is asked often reads a whole table."""

import re

import polars as pl
import pytest

from serendip.data.tables import Tables
from serendip.store import events, recording, search
from serendip.store.postgres import Session, translated


class Watched:
    """A connection that keeps what it is asked; it asks the real one."""

    def __init__(self, connection):
        self.connection, self.asked = connection, []

    def execute(self, statement, values=()):
        self.asked.append((statement, values))
        return self.connection.execute(statement, values)


def plan(connection, statement, values):
    """Return what the database is going to do."""
    if isinstance(connection, Session):
        for other in ("seqscan", "bitmapscan", "sort"):  # quicker where a table is small, and then taken all the same
            connection.raw.execute(f"SET enable_{other} = off")
        rows = connection.raw.execute("EXPLAIN " + translated(statement), values).fetchall()
        return "\n".join(text for (text,) in rows)
    return "\n".join(row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + statement, values))


def by_index(connection, statement, values, tables=("events", "users", "items", "words")):
    said = plan(connection, statement, values)
    whole = "|".join(tables)
    assert not re.search(rf"Seq Scan on ({whole})\b|SCAN ({whole})\b(?! USING (COVERING )?INDEX)", said), said
    return said


HISTORY = "SELECT item, value, type, coalesce(timestamp, 0) FROM events WHERE user = ?"


@pytest.fixture
def filled(store):
    rows = range(400)
    about = {"user_id": [f"u{n % 20}" for n in rows], "item_id": [f"i{n % 30}" for n in rows]}
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(30)], "title": [f"blue thing {n}" for n in range(30)]})
    store.add(Tables(pl.DataFrame({**about, "type": "view", "timestamp": list(rows)}), items))
    with store.database.read() as connection:
        yield store, connection


def test_a_history_is_one_stretch_of_a_covering_index(filled):
    _, connection = filled
    for rest in ("", " LIMIT 9"):
        said = by_index(connection, f"{HISTORY} ORDER BY timestamp DESC NULLS LAST, seq DESC{rest}", [1])
        assert "events_user" in said and not re.search("Sort|TEMP B-TREE", said), said
    said = plan(connection, f"SELECT user, item, type, value, timestamp FROM events {events.ORDER}", [])
    assert "events_user" in said and not re.search("Sort|TEMP B-TREE", said), said


def test_whatever_is_asked_for_a_slate_goes_by_index(filled, monkeypatch):
    store, connection = filled
    watched = Watched(connection)
    monkeypatch.setattr(store, "_database", type("D", (), {"read": lambda self: Given(watched)})())
    store.find_user("u1")
    store.history("u1", limit=20)
    store.user_features(1)
    store.about_items([1, 2])
    assert len(watched.asked) >= 5
    for statement, values in watched.asked:
        by_index(connection, statement, values)


class Given:
    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        return self.connection

    def __exit__(self, *_):
        pass


def test_whether_an_event_is_known_goes_by_index(filled):
    _, connection = filled
    watched = Watched(connection)
    recording.recorded(watched, [b"0" * 16, b"1" * 16])
    events.bodies(watched, [b"0" * 16])
    for statement, values in watched.asked:
        said = by_index(connection, statement, values, ("events", "withdrawn", "users", "items"))
        assert re.search("events_id|withdrawn|PRIMARY KEY .event_id", said), said


def test_search_goes_by_index(filled):
    _, connection = filled
    watched = Watched(connection)
    for side in ("users", "items"):
        search.search(watched, side, "u1 blue", 5)
    assert len(watched.asked) >= 4
    for statement, values in watched.asked:
        by_index(connection, statement, values)


def test_taking_back_goes_by_index(filled):
    _, connection = filled
    for which, values in (("event_id = ?", [b"0" * 16]), ("user = ? AND item = ? AND type = ?", [1, 2, 0])):
        by_index(connection, f"SELECT event_id FROM events WHERE {which}", values)
