"""The SQLite file under the store: connections, transactions, the schema and what its errors mean to a user."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from serendip.errors import Unavailable, UserError
from serendip.store.connection import PART, listed
from serendip.store.schema import APPLICATION, LOOKUPS, STEPS

BUSY = 30.0  # seconds that one process waits for another's transaction
WRITER_CACHE = 256  # MiB of pages held by the writing connection
READER_WAIT = 0.25  # seconds that reading waits for whoever has the file to itself; readers never wait for a writer
READER_CACHE = 16  # MiB of pages held by each reading connection
LOG = 16_000  # pages of the write-ahead log, 4 KiB each, from which on a transaction folds them into the file itself
CHUNK = 1_000_000  # rows of one array, between two looks at Ctrl-C


class Link(sqlite3.Connection):
    """A connection to the file, with what the store asks of one beyond single statements."""

    def stream(self, statement: str, values: Sequence[Any] = (), /) -> Iterator[list[Any]]:
        rows = self.execute(statement, values)
        while part := rows.fetchmany(PART):
            yield part

    def arrays(self, statement: str, dtype: np.dtype[Any], /) -> Iterator[NDArray[Any]]:
        rows = self.execute(statement)
        while len(part := np.fromiter(islice(rows, CHUNK), dtype)):
            yield part

    def pour(self, table: str, frame: pl.DataFrame, /) -> int:
        columns, marks = ", ".join(frame.columns), ", ".join("?" * frame.width)
        statement = f"INSERT INTO {table}({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        return self.executemany(statement, listed(frame)).rowcount


class SQLite:
    """One SQLite file: a connection a thread for reading, one for writing behind a lock.

    Raises:
        UserError: there is no such file, it is no store, it is damaged, or a newer version of Serendip wrote it.
    """

    def __init__(self, path: Path, create: bool = True) -> None:
        self.path = path
        if not create and not path.is_file():
            raise UserError(f"there is no store at {path}: load some events first with `serendip ingest FILE`")
        self._lock = threading.RLock()
        self._local = threading.local()
        self._open: list[Link] = []
        with self._said():
            try:
                self._writer = self._connect(WRITER_CACHE, "rwc")
                self._file = os.stat(path)
                self._migrate()
                with suppress(UserError):  # no room, or another process is loading: look-ups are slow until next time
                    self.index()
            except BaseException:
                self.close()
                raise

    def _connect(self, cache: int, mode: str = "rw", wait: float = BUSY) -> Link:
        address = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(
            address, timeout=wait, isolation_level=None, check_same_thread=False, uri=True, factory=Link
        )
        self._open.append(connection)
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # an acknowledged event is on the disk
            f"cache_size=-{cache * 1024}",
            "temp_store=FILE",
            "secure_delete=ON",  # no trace of what was erased stays in pages that were split or freed
            "journal_size_limit=67108864",
            f"wal_autocheckpoint={LOG}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        return connection

    @property
    def where(self) -> str:
        return str(self.path)

    def _migrate(self) -> None:
        """Take the steps that are missing, each wholly or not at all; two processes take none twice."""
        while self._version() < len(STEPS):
            with self.write() as connection:
                version = self._version()
                if version == len(STEPS):  # another process was quicker
                    break
                for step in STEPS[version]:
                    if isinstance(step, str):
                        connection.execute(step)
                    else:
                        step(connection)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {version + 1}")

    def _version(self) -> int:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        (owner,) = self._writer.execute("PRAGMA application_id").fetchone()
        (tables,) = self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if owner != APPLICATION and tables:
            raise UserError(f"{self.path} is an SQLite file but not a Serendip store: name another file")
        if version > len(STEPS):
            raise UserError(
                f"{self.path} was written by a newer version of Serendip (schema {version}, this one knows "
                f"{len(STEPS)}): upgrade with `pip install -U serendip`"
            )
        return int(version)

    def index(self) -> None:
        """Make the look-up indexes that are missing, as they are while a bulk load runs and after it was killed."""
        (there,) = self._writer.execute(
            f"SELECT count(*) FROM sqlite_master WHERE name IN ({', '.join('?' * len(LOOKUPS))})", list(LOOKUPS)
        ).fetchone()
        if there < len(LOOKUPS):
            for statement in LOOKUPS.values():
                with self.write() as connection:
                    connection.execute(statement)

    def unindex(self) -> None:
        """Drop the look-up indexes: events come in faster, look-ups are slow until `index`."""
        with self.write() as connection:
            for name in LOOKUPS:
                connection.execute(f"DROP INDEX IF EXISTS {name}")

    def tidy(self) -> None:
        """Leave nothing of what was deleted in the write-ahead log; in the file itself it was overwritten."""
        with self._lock, self._said():
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def fold(self) -> None:
        """Bring what the write-ahead log holds into the file, while others read and write."""
        with self.read() as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def stamp(self) -> int:
        """Return what is another whenever anything was written, by anybody; it compares within one thread only."""
        with self.read() as connection:
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def check(self) -> None:
        """Raise Unavailable where the file is gone or is another: what is written now would be lost."""
        try:
            now = os.stat(self.path)
        except OSError:
            raise Unavailable(f"{self.path} is gone: put it back and start again") from None
        if not os.path.samestat(now, self._file):
            raise Unavailable(f"{self.path} was replaced while it was in use: start again")

    @contextmanager
    def write(self) -> Iterator[Link]:
        """One transaction, alone in this process and among processes: it happens wholly or not at all."""
        with self._lock, self._said():
            self.check()
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    @contextmanager
    def read(self) -> Iterator[Link]:
        """This thread's connection for reading."""
        with self._said():
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = self._connect(READER_CACHE, wait=READER_WAIT)
                connection.execute("PRAGMA query_only = 1")
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Link]:
        """Several reads that see one and the same state, whatever is written meanwhile."""
        with self.read() as connection:
            nested = connection.in_transaction
            if not nested:
                connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if not nested and connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            sentence = self._sentence(error)
            if sentence is None:
                raise
            raise Unavailable(sentence) from error

    def _sentence(self, error: sqlite3.DatabaseError) -> str | None:
        code = getattr(error, "sqlite_errorcode", 0)
        match code & 0xFF:
            case sqlite3.SQLITE_FULL:
                return (
                    f"the disk is full: {self.path} could not take the last batch; what came before it is safe, so "
                    "free some space and run the same command again"
                )
            case sqlite3.SQLITE_IOERR:
                return f"the disk failed or is full while {self.path} was used ({error}): check it and run this again"
            case sqlite3.SQLITE_NOTADB:
                return f"{self.path} is not a Serendip store: name another file"
            case sqlite3.SQLITE_CORRUPT:
                return f"{self.path} is damaged ({error}): restore it from a copy or ingest the files into a new one"
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return f"another program has been writing to {self.path} for over {BUSY:.0f} seconds: try again later"
            case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
                return f"{self.path} cannot be opened for writing ({error}): check the folder and its permissions"
            case _:
                return None

    def close(self) -> None:
        """Close every connection; the last one to go folds the write-ahead log into the file."""
        while self._open:
            self._open.pop().close()
