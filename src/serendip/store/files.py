"""Which files were read, how far, and what of them could not be loaded."""

from dataclasses import astuple, dataclass

import polars as pl

from serendip.store.connection import Connection

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


def put_file(connection: Connection, file: File) -> None:
    """Write how far a file was read."""
    connection.execute(
        "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(sha256) DO UPDATE SET name = excluded.name, rows ="
        " excluded.rows, loaded = excluded.loaded, quarantined = excluded.quarantined, finished = excluded.finished",
        [*astuple(file)[:-1], int(file.finished)],
    )


def find_file(connection: Connection, sha256: str) -> File | None:
    """Return what is known of a file with this content."""
    row = connection.execute("SELECT * FROM files WHERE sha256 = ?", [sha256]).fetchone()
    if row is None:
        return None
    sha256, name, rows, loaded, bad, finished = row
    return File(sha256, name, rows, loaded, bad, bool(finished))


def quarantine(connection: Connection, frame: pl.DataFrame) -> int:
    """Keep rows that could not be loaded (file, line, reason, row); return how many were not there yet."""
    return connection.pour("quarantine", frame.select(pl.col(n).cast(dtype) for n, dtype in QUARANTINE_SCHEMA.items()))


def forget(connection: Connection, file: str | None = None) -> int:
    """Drop the rows of a file that could not be loaded, of every file where none is named; return how many."""
    where, named = ("", []) if file is None else (" WHERE file = ?", [file])
    return connection.execute(f"DELETE FROM quarantine{where}", named).rowcount


def quarantined(connection: Connection, limit: int = -1) -> pl.DataFrame:
    """Return the rows that could not be loaded, by file and line."""
    most, bound = ("", []) if limit < 0 else (" LIMIT ?", [limit])
    rows = connection.execute(f"SELECT * FROM quarantine ORDER BY file, line{most}", bound).fetchall()
    return pl.DataFrame(rows, QUARANTINE_SCHEMA, orient="row")
