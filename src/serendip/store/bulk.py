"""Many events at once: whole batches in bounded memory, look-up indexes dropped meanwhile where that pays."""

from types import TracebackType

import polars as pl

from serendip.data.tables import Tables
from serendip.store.connection import Database
from serendip.store.events import Added, insert
from serendip.store.files import File, forget, put_file, quarantine
from serendip.store.index import Index

BATCH = 1_000_000  # rows that one transaction writes


class Bulk:
    """A bulk load under way (`Store.bulk`): `add` collects tables, a transaction writes them a million rows at a time.

    Memory: about 500 bytes for each row of a batch and 150 for each user and item that the load has met; nothing
    grows with the number of events. The index of event ids stays throughout, so that no event is ever there twice.
    Killed at any moment, the store holds whole batches; the look-up indexes are made again when it is next opened.
    """

    def __init__(self, database: Database, batch: int = BATCH) -> None:
        self._database = database
        self._batch = batch
        self._users, self._items = Index("users"), Index("items")
        self._waiting: list[Tables] = []
        self._files: dict[str, File] = {}
        self._bad: list[pl.DataFrame] = []
        self._anew: set[str] = set()
        self._indexed = True
        with database.read() as connection:
            (self._before,) = connection.execute("SELECT coalesce(max(seq) + 1, 0) FROM events").fetchone()
        self.total = Added()  # what is written so far

    def anew(self, file: str) -> None:
        """Begin a file anew: what could not be loaded of it before goes as the first of it is written."""
        self._anew.add(file)

    def add(self, tables: Tables, file: File | None = None, quarantine: pl.DataFrame | None = None) -> None:
        """Take in tables, and in the same transaction how far their file was read and which rows were no good."""
        self._waiting.append(tables)
        if file is not None:
            self._files[file.sha256] = file
        if quarantine is not None and len(quarantine):
            self._bad.append(quarantine)
        rows = sum(len(t.events) + len(t.users) + len(t.items) for t in self._waiting) + sum(map(len, self._bad))
        if rows >= self._batch:
            self.flush()

    def flush(self) -> Added:
        """Write what waits and return the total so far.

        Raises:
            UserError: the disk is full; nothing of this batch is written, everything before it is.
        """
        if self._indexed and self.total.new > max(self._before, self._batch // 2):
            self._database.unindex()
            self._indexed = False
        try:
            with self._database.write() as connection:
                events = pl.concat([t.events for t in self._waiting], how="diagonal_relaxed") if self._waiting else None
                added = Added() if events is None else insert(connection, events, self._users, self._items)
                for tables in self._waiting:
                    new_users = self._users.describe(connection, tables.users) if len(tables.users) else 0
                    new_items = self._items.describe(connection, tables.items) if len(tables.items) else 0
                    added += Added(users=new_users, items=new_items)
                for name in self._anew:
                    forget(connection, name)
                for bad in self._bad:
                    quarantine(connection, bad)
                for file in self._files.values():
                    put_file(connection, file)
        except BaseException:
            self._users.known.clear()  # what the transaction gave out was taken back
            self._items.known.clear()
            raise
        self._waiting, self._files, self._bad, self._anew = [], {}, [], set()
        self.total += added
        return self.total

    def __enter__(self) -> "Bulk":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._waiting = []
            if not self._indexed and (kind is None or issubclass(kind, Exception)):  # Ctrl-C waits for no index
                self._database.index()
