"""Business rules: an append-only book of who said what and when; what holds now is what was said last of each name."""

import json
import time
from typing import Any, NamedTuple

from serendip.store import changes
from serendip.store.connection import Connection, Database


class Entry(NamedTuple):
    """One line of the book. version: its number, from 1; timestamp: ms since 1970; rule: plain data, None: removed."""

    version: int
    timestamp: int
    who: str
    name: str
    rule: dict[str, Any] | None


class Rulebook:
    """The book of a store: every change is a new line, in one transaction, and every process hears of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, name: str, rule: dict[str, Any] | None, who: str) -> Entry:
        """Write what a rule says from now on, None where it is no more; it is on the disk when this returns."""
        now, text = time.time_ns() // 1_000_000, None if rule is None else json.dumps(rule, ensure_ascii=False)
        with self._database.write() as connection:
            version = last(connection) + 1
            connection.execute(
                "INSERT INTO rules(version, timestamp, who, name, rule) VALUES (?, ?, ?, ?, ?)",
                [version, now, who, name, text],
            )
            changes.note(connection, "rules", [version])
        return Entry(version, now, who, name, rule)

    def version(self) -> int:
        """Return the number of the last line, 0 before the first."""
        with self._database.read() as connection:
            return last(connection)

    def history(self, version: int | None = None) -> list[Entry]:
        """Return the lines up to a version (None: all), the oldest first."""
        with self._database.read() as connection:
            until, values = ("", []) if version is None else (" WHERE version <= ?", [version])
            rows = connection.execute(
                f"SELECT version, timestamp, who, name, rule FROM rules{until} ORDER BY version", values
            ).fetchall()
        return [
            Entry(number, stamp, who, name, None if text is None else json.loads(text))
            for number, stamp, who, name, text in rows
        ]

    def holding(self, version: int | None = None) -> dict[str, Entry]:
        """Return the line of each rule that holds, or held at a version, by name."""
        found: dict[str, Entry] = {}
        for entry in self.history(version):
            found.pop(entry.name, None)
            if entry.rule is not None:
                found[entry.name] = entry
        return found


def last(connection: Connection) -> int:
    """Return the number of the last line of the book."""
    return int(connection.execute("SELECT coalesce(max(version), 0) FROM rules").fetchone()[0])
