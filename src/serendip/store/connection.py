"""What the store asks of a database: statements that SQLite and PostgreSQL both understand, with ? for each value."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

AT_ONCE = 500  # values that one statement asks for
PART = 100_000  # rows that are Python objects at one time


class Rows(Protocol):
    """What a statement gives."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def fetchmany(self, size: int, /) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """One connection, inside or outside a transaction."""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows: ...

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> Rows: ...

    def stream(self, statement: str, values: Sequence[Any] = (), /) -> Iterator[list[Any]]:
        """Give the rows of a query that need not fit into memory, `PART` at a time; inside a snapshot."""
        ...

    def arrays(self, statement: str, dtype: np.dtype[Any], /) -> Iterator[NDArray[Any]]:
        """Give a query's rows as structured arrays, a part at a time; null is not a number."""
        ...

    def pour(self, table: str, frame: pl.DataFrame, /) -> int:
        """Insert a frame, but for the rows whose key is there already; return how many were new."""
        ...


class Database(Protocol):
    """A database under the store: reading from any thread, one transaction at a time for writing."""

    @property
    def where(self) -> str:
        """What to call it in a sentence."""
        ...

    def write(self) -> AbstractContextManager[Connection]:
        """One transaction, alone among all processes: on the disk when it ends, wholly or not at all."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """A connection for reading, the same one for whatever this thread reads meanwhile."""
        ...

    def snapshot(self) -> AbstractContextManager[Connection]:
        """Several reads that see one and the same state, whatever is written meanwhile."""
        ...

    def index(self) -> None:
        """Make the look-up indexes that are missing."""
        ...

    def unindex(self) -> None:
        """Drop the look-up indexes for a bulk load, where that pays."""
        ...

    def tidy(self) -> None:
        """Leave nothing of what was deleted in the files."""
        ...

    def fold(self) -> None:
        """Do now, while others read and write, what a later transaction would have to do for all before it."""
        ...

    def stamp(self) -> object:
        """Return what is another whenever anything was written, by anybody; it compares within one thread only."""
        ...

    def check(self) -> None:
        """Raise Unavailable where what is written now would be lost."""
        ...

    def close(self) -> None: ...


def found(connection: Connection, statement: str, among: Sequence[Any]) -> Iterator[Any]:
    """Give the rows of `statement`, which ends in IN, for any number of values."""
    for start in range(0, len(among), AT_ONCE):
        part = among[start : start + AT_ONCE]
        yield from connection.execute(f"{statement} ({', '.join('?' * len(part))})", part)


def listed(frame: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Return the rows of a frame, a slice at a time as Python objects."""
    for part in frame.iter_slices(PART):
        yield from zip(*(column.to_list() for column in part), strict=True)
