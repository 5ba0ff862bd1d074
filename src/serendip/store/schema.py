"""The tables of the embedded store: one numbered list of steps, never edited, only added to."""

APPLICATION = 0x53524450  # "SRDP" in the header of the file: this SQLite file is a Serendip store

STEPS: tuple[tuple[str, ...], ...] = (
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
)

LOOKUPS = {  # dropped while a bulk load runs, made again at its end or by whoever opens the store next
    # all that a history needs, so that one look-up reads one stretch of the file, and a data set comes out in order
    "events_user": "CREATE INDEX IF NOT EXISTS events_user ON events(user, timestamp, seq, item, type, value)",
    "events_item": "CREATE INDEX IF NOT EXISTS events_item ON events(item, timestamp)",
}
