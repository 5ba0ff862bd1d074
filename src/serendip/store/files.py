"""Which files were read, how far, and what of them could not be loaded."""

import sqlite3
from dataclasses import astuple, dataclass

import polars as pl

QUARANTINE_SCHEMA = pl.Schema({"file": pl.String, "line": pl.Int64, "reason": pl.String, "row": pl.String})


@dataclass(frozen=True)
class File:
    """One file: its content's SHA-256, the name it last had, and rows read, loaded and quarantined so far."""

    sha256: str
    name: str
    rows: int = 0
    loaded: int = 0
    quarantined: int = 0
    finished: bool = False


def put_file(connection: sqlite3.Connection, file: File) -> None:
    """Write how far a file was read."""
    connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", astuple(file))


def find_file(connection: sqlite3.Connection, sha256: str) -> File | None:
    """Return what is known of a file with this content."""
    row = connection.execute("SELECT * FROM files WHERE sha256 = ?", [sha256]).fetchone()
    if row is None:
        return None
    sha256, name, rows, loaded, bad, finished = row
    return File(sha256, name, rows, loaded, bad, bool(finished))


def quarantine(connection: sqlite3.Connection, frame: pl.DataFrame) -> int:
    """Keep rows that could not be loaded (file, line, reason, row); return how many were not there yet."""
    rows = frame.select(pl.col(name).cast(dtype) for name, dtype in QUARANTINE_SCHEMA.items()).iter_rows()
    return connection.executemany("INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?, ?)", rows).rowcount


def quarantined(connection: sqlite3.Connection, limit: int = -1) -> pl.DataFrame:
    """Return the rows that could not be loaded, by file and line."""
    rows = connection.execute("SELECT * FROM quarantine ORDER BY file, line LIMIT ?", [limit]).fetchall()
    return pl.DataFrame(rows, QUARANTINE_SCHEMA, orient="row")
