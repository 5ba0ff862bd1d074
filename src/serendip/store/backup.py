"""A store as one SQLite file, taken while it is in use, and put back: the same file from SQLite and PostgreSQL."""

import os
import sqlite3
from contextlib import closing
from itertools import islice
from pathlib import Path

import polars as pl

from serendip.errors import UserError
from serendip.store.connection import PART, Connection, Database
from serendip.store.database import SQLite
from serendip.store.schema import APPLICATION, STEPS, TABLES

Counted = dict[str, int]  # table -> rows
HERS = {"schema"}  # what `meta` of a PostgreSQL store holds beyond a copy's


def copy(database: Database, path: Path) -> Counted:
    """Write one state of a store to a new SQLite file; return the rows of each table.

    Raises:
        UserError: the disk is full.
    """
    if isinstance(database, SQLite):
        with closing(sqlite3.connect(path)) as there, database.read() as here:
            assert isinstance(here, sqlite3.Connection)
            here.backup(there)
            there.execute("PRAGMA journal_mode=DELETE").fetchall()
    else:
        _export(database, path)
    return counted(path)


def _export(database: Database, path: Path) -> None:
    made = SQLite(path)
    try:
        with database.snapshot() as here, made.write() as there:
            for table in TABLES:
                names = columns(there, table)
                there.execute(f"DELETE FROM {table}")
                for part in here.stream(f"SELECT {', '.join(names)} FROM {table}"):
                    kept = [row for row in part if table != "meta" or row[0] not in HERS]
                    marks = ", ".join("?" * len(names))
                    there.executemany(f"INSERT INTO {table}({', '.join(names)}) VALUES ({marks})", kept)
    finally:
        made.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()


def columns(connection: Connection, table: str) -> list[str]:
    """Return the names of a table's columns in an SQLite file."""
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})").fetchall()]


def counted(path: Path) -> Counted:
    """Return the rows of each table of an SQLite file.

    Raises:
        UserError: it is damaged, no store, or of a newer version.
    """
    try:
        with closing(looked_at(path)) as connection:
            (owner,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if owner != APPLICATION:
                raise UserError(f"{path} is no Serendip store")
            if version > len(STEPS):
                raise UserError(f"{path} is of a newer version of Serendip: upgrade with `pip install -U serendip`")
            if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
                raise UserError(f"{path} is damaged")
            there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return {
                table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
                for table in TABLES
                if table in there
            }
    except sqlite3.DatabaseError as error:
        raise UserError(f"{path} is damaged: {error}") from None


def looked_at(path: Path) -> sqlite3.Connection:
    """Return a connection to an SQLite file that nobody uses, which leaves no trace."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def erased(path: Path) -> int:
    """Return how many users of a copy were erased: of each there is a row, that of the index that nobody gets."""
    with closing(looked_at(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM apart WHERE erased = 1").fetchone()[0])


def put_file(path: Path, target: Path) -> None:
    """Let an SQLite file that was checked take the place of a store's, which nobody uses.

    Raises:
        UserError: somebody uses it.
    """
    if target.exists():
        with closing(sqlite3.connect(target, timeout=1.0, isolation_level=None)) as there:
            try:
                (mode,) = there.execute("PRAGMA journal_mode=DELETE").fetchone()  # only for whoever is alone
            except sqlite3.DatabaseError as error:
                bad = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
                mode = "damaged" if bad else "in use"
        if mode not in ("delete", "damaged"):
            raise UserError(f"{target} is in use: stop the server, and whatever else uses it, and restore again")
        if mode == "damaged":
            for rest in ("-wal", "-shm", "-journal"):
                target.with_name(target.name + rest).unlink(missing_ok=True)
    os.replace(path, target)


def put_rows(path: Path, database: Database) -> None:
    """Let what an SQLite file holds take the place of everything in a PostgreSQL store, in one transaction."""
    with closing(sqlite3.connect(path)) as here, database.write() as there:
        there.execute(f"TRUNCATE {', '.join(t for t in TABLES if t != 'meta')}")
        there.execute("DELETE FROM meta WHERE key <> 'schema'")
        for table in TABLES:
            rows = here.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in rows.description]
            while part := list(islice(rows, PART)):
                there.pour(table, pl.DataFrame(part, names, orient="row", infer_schema_length=None))
