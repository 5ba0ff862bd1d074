"""The tables of the store: one numbered list of steps, never edited, only added to."""

import re
from collections.abc import Callable

from serendip.store.connection import Connection
from serendip.store.words import gather

APPLICATION = 0x53524450  # "SRDP" in the header of an SQLite file: it is a Serendip store

Step = str | Callable[[Connection], None]  # a statement, or what takes more than one

STEPS: tuple[tuple[Step, ...], ...] = (
    (
        "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        # idx counts up from 0 without gaps and is never given again, so that an index means the same in every model
        "CREATE TABLE users(idx INTEGER PRIMARY KEY, user_id TEXT NOT NULL UNIQUE,"
        " attributes TEXT NOT NULL DEFAULT '{}')",
        "CREATE TABLE items(idx INTEGER PRIMARY KEY, item_id TEXT NOT NULL UNIQUE,"
        " attributes TEXT NOT NULL DEFAULT '{}', hidden INTEGER NOT NULL DEFAULT 0, added_at INTEGER NOT NULL)",
        "CREATE TABLE event_types(code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        "INSERT INTO event_types VALUES (0, 'interaction')",  # what an event without a type is
        "CREATE TABLE sources(code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        "CREATE TABLE events(seq INTEGER PRIMARY KEY, event_id BLOB NOT NULL, user INTEGER NOT NULL,"
        " item INTEGER NOT NULL, type INTEGER NOT NULL, value REAL, timestamp INTEGER, context TEXT, source INTEGER,"
        " impression_id TEXT)",
        "CREATE UNIQUE INDEX events_id ON events(event_id)",
        "CREATE TABLE files(sha256 TEXT PRIMARY KEY, name TEXT NOT NULL, rows INTEGER NOT NULL,"
        " loaded INTEGER NOT NULL, quarantined INTEGER NOT NULL, finished INTEGER NOT NULL)",
        "CREATE TABLE quarantine(file TEXT NOT NULL, line INTEGER NOT NULL, reason TEXT NOT NULL, row TEXT,"
        " PRIMARY KEY(file, line, reason))",
        # only the rows of the current run (meta: recommendations) are to be read
        "CREATE TABLE recommendations(run INTEGER NOT NULL, user INTEGER NOT NULL, position INTEGER NOT NULL,"
        " item INTEGER NOT NULL, score REAL NOT NULL, reason TEXT, PRIMARY KEY(run, user, position)) WITHOUT ROWID",
    ),
    (
        # of these users nothing is recorded, learned or used; an erased one keeps its index, and nothing else
        "CREATE TABLE apart(user INTEGER PRIMARY KEY, erased INTEGER NOT NULL)",
        # events that were taken back, and ids that were taken back before their event came (the rest is null then)
        "CREATE TABLE withdrawn(event_id BLOB PRIMARY KEY, user INTEGER, item INTEGER, type INTEGER, value REAL,"
        " timestamp INTEGER) WITHOUT ROWID",
        "CREATE INDEX withdrawn_user ON withdrawn(user)",
        # by what users (0) and items (1) are found: the words of their attributes, in small letters
        "CREATE TABLE words(side INTEGER NOT NULL, word TEXT NOT NULL, idx INTEGER NOT NULL,"
        " PRIMARY KEY(side, word, idx)) WITHOUT ROWID",
        gather,
    ),
    (
        # which users, items and rules were changed lately: what every process follows (store/changes.py)
        "CREATE TABLE changes(seq INTEGER PRIMARY KEY, subject TEXT NOT NULL, idx INTEGER NOT NULL)",
        "ALTER TABLE items ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0",  # deleted ones are hidden, too
        "CREATE INDEX items_hidden ON items(idx) WHERE hidden = 1",
    ),
    (
        # the book of rules is only ever added to (store/rulebook.py): a rule without text is removed from then on
        "CREATE TABLE rules(version INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, who TEXT NOT NULL,"
        " name TEXT NOT NULL, rule TEXT)",
        # what was shown (store/impressions.py): item and propensity are lists, by position
        "CREATE TABLE impressions(request_id TEXT PRIMARY KEY, timestamp INTEGER NOT NULL, user INTEGER NOT NULL,"
        " pipeline TEXT NOT NULL, model TEXT NOT NULL, item TEXT NOT NULL, propensity TEXT) WITHOUT ROWID",
        "CREATE INDEX impressions_user ON impressions(user, timestamp)",
    ),
    ("ALTER TABLE withdrawn ADD COLUMN context TEXT",),
)

LOOKUPS = {  # dropped while a bulk load runs, made again at its end or by whoever opens the store next
    # all that a history needs, so that one look-up reads one stretch of the file, and a data set comes out in order
    "events_user": "CREATE INDEX IF NOT EXISTS events_user ON events(user, timestamp, seq, item, type, value)",
    "events_item": "CREATE INDEX IF NOT EXISTS events_item ON events(item, timestamp)",
}

TABLES = (  # what a copy of a store holds
    "meta", "users", "items", "event_types", "sources", "events", "files", "quarantine", "recommendations", "apart",
    "withdrawn", "words", "changes", "rules", "impressions",
)  # fmt: skip

WIDE = re.compile(r"\b(seq|timestamp|added_at|rows|loaded|quarantined|line) INTEGER\b")


def postgres(text: str) -> str:
    """Return a statement as PostgreSQL has it; text is ordered by code point and null is least, as in SQLite."""
    text = text.replace("(user, timestamp, seq", "(user, timestamp NULLS FIRST, seq")
    text = WIDE.sub(r"\1 BIGINT", text).replace(" WITHOUT ROWID", "").replace(" TEXT", ' TEXT COLLATE "C"')
    return text.replace(" BLOB", " BYTEA").replace(" REAL", " DOUBLE PRECISION")
