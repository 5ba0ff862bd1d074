"""PostgreSQL under the store: what SQLite is for one machine, for several servers of one project.

Everything is in the schema `serendip` of the database. A writing transaction holds an advisory lock, so that one writes
at a time, as in SQLite: numbers have no gaps, and events become visible in the order of their numbers.
"""

import logging
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import polars as pl
from numpy.typing import NDArray

from serendip.errors import Unavailable, UserError
from serendip.store.connection import PART, Rows, listed
from serendip.store.schema import APPLICATION, LOOKUPS, STEPS, postgres

if TYPE_CHECKING:
    import psycopg

BUSY = 30  # seconds that one process waits for another's transaction
WAIT, GONE = 2.0, 5.0  # seconds that reading and writing wait for a connection
CONNECTIONS = 16  # at most, of one process
FEW = 1000  # rows up to which statements are quicker than COPY
ITSELF = re.compile(r"(?<![\w\".])user(?!\w)")  # a column of ours, and a word of PostgreSQL's
TYPES = {"i1": "int2", "i2": "int2", "i4": "int4", "i8": "int8", "f4": "float4", "f8": "float8"}
BLOCK = 1 << 24  # bytes parsed at once
HEADER = 19  # bytes before the first row of a binary COPY


@lru_cache(512)
def translated(statement: str) -> str:
    """Return a statement as PostgreSQL and psycopg have it."""
    return ITSELF.sub('"user"', statement).replace("%", "%%").replace("?", "%s")


class Session:
    """One connection, with what the store asks of it."""

    def __init__(self, raw: "psycopg.Connection[Any]") -> None:
        self.raw = raw

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        return self.raw.execute(translated(statement), list(values))

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> Rows:
        cursor = self.raw.cursor()
        cursor.executemany(translated(statement), list(rows))
        return cursor

    def stream(self, statement: str, values: Sequence[Any] = (), /) -> Iterator[list[Any]]:
        with self.raw.cursor(name="stream") as cursor:
            cursor.execute(translated(statement), list(values))
            while part := cursor.fetchmany(PART):
                yield part

    def arrays(self, statement: str, dtype: np.dtype[Any], /) -> Iterator[NDArray[Any]]:
        """Read a binary COPY: each row is its number of fields, then each field's length and the field."""
        names = dtype.names or ()
        shown = [f'"{n}"::{TYPES[dtype[n].str[1:]]}' for n in names]
        shown = [f"coalesce({s}, 'NaN')" if dtype[n].kind == "f" else s for n, s in zip(names, shown, strict=True)]
        inner = ", ".join(f'"{n}"' for n in names)
        wire = np.dtype(
            [("fields", ">i2")]
            + [
                pair
                for n in names
                for pair in (
                    (f"{n} length", ">i4"),
                    (n, ">i2" if dtype[n].itemsize == 1 else dtype[n].newbyteorder(">")),
                )
            ]
        )
        copy = (
            f"COPY (SELECT {', '.join(shown)} FROM ({translated(statement)}) AS t({inner})) TO STDOUT (FORMAT BINARY)"
        )
        waiting, skip = bytearray(), HEADER
        with self.raw.cursor() as cursor, cursor.copy(copy) as data:
            for block in data:
                waiting += block
                if len(waiting) > BLOCK:
                    whole = (len(waiting) - skip) // wire.itemsize * wire.itemsize
                    yield parsed(waiting, skip, whole // wire.itemsize, wire, dtype)
                    waiting, skip = waiting[skip + whole :], 0
        rows = (len(waiting) - skip) // wire.itemsize
        if rows:
            yield parsed(waiting, skip, rows, wire, dtype)

    def pour(self, table: str, frame: pl.DataFrame, /) -> int:
        columns = ", ".join(f'"{name}"' for name in frame.columns)
        if len(frame) <= FEW:
            marks = ", ".join("?" * frame.width)
            statement = f"INSERT INTO {table}({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING"
            return self.executemany(statement, listed(frame)).rowcount if len(frame) else 0
        binary = [name for name, dtype in frame.schema.items() if dtype == pl.Binary]
        text = frame.with_columns(pl.format("\\x{}", pl.col(name).bin.encode("hex")).alias(name) for name in binary)
        cursor = self.raw.cursor()
        cursor.execute(f"CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT {columns} FROM {table} LIMIT 0")
        with cursor.copy(f"COPY incoming({columns}) FROM STDIN (FORMAT CSV)") as copy:
            for part in text.iter_slices(100_000):
                copy.write(part.write_csv(include_header=False, quote_style="non_numeric"))
        cursor.execute(f"INSERT INTO {table}({columns}) SELECT {columns} FROM incoming ON CONFLICT DO NOTHING")
        new = cursor.rowcount
        cursor.execute("DROP TABLE incoming")
        return new


def parsed(data: bytearray, start: int, rows: int, wire: np.dtype[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return rows of a binary COPY as the machine has numbers."""
    read = np.frombuffer(data, wire, rows, start)
    out = np.empty(rows, dtype)
    for name in dtype.names or ():
        out[name] = read[name]
    return out


class Postgres:
    """The schema `serendip` of a database, by a pool of connections.

    Raises:
        UserError: psycopg is not installed, the schema is of a newer version, or there is none and none is to be made.
        Unavailable: the server cannot be reached.
    """

    def __init__(self, url: str, create: bool = True) -> None:
        try:
            import psycopg
            import psycopg_pool
        except ImportError:
            raise UserError("PostgreSQL needs an extra: pip install 'serendip[postgres]'") from None
        self._psycopg, self._full = psycopg, psycopg_pool.PoolTimeout
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # whoever is without a connection says so
        self.where = shown(url)
        self._lock, self._local = threading.RLock(), threading.local()

        def configure(raw: "psycopg.Connection[Any]") -> None:
            raw.execute("SET search_path TO serendip")
            raw.execute("SET client_min_messages TO warning")

        with self._said():
            try:
                psycopg.connect(url, connect_timeout=5).close()  # whose error says what is wrong, and at once
            except psycopg.ProgrammingError as error:
                raise UserError(f"[storage] url cannot be understood: {one_line(error)}") from None
            self._pool = psycopg_pool.ConnectionPool(
                url, min_size=1, max_size=CONNECTIONS, timeout=WAIT, kwargs={"autocommit": True}, open=False,
                configure=configure, check=psycopg_pool.ConnectionPool.check_connection, reconnect_timeout=2.0,
            )  # fmt: skip
            self._pool.open()
            try:
                self._migrate(create)
            except BaseException:
                self.close()
                raise

    def _migrate(self, create: bool) -> None:
        """Take the steps that are missing, each wholly or not at all; two processes take none twice."""
        if not create and self._version() == 0:
            raise UserError(f"there is no store in {self.where}: load some events first with `serendip ingest FILE`")
        while self._version() < len(STEPS):
            with self.write() as session:
                version = self._version_by(session)
                if version == len(STEPS):  # another process was quicker
                    break
                if version == 0:
                    session.execute("CREATE SCHEMA IF NOT EXISTS serendip")
                for step in (*STEPS[version], *(LOOKUPS.values() if version == 0 else ())):
                    if isinstance(step, str):
                        session.execute(postgres(step))
                    else:
                        step(session)
                session.execute(
                    "INSERT INTO meta VALUES ('schema', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                    [str(version + 1)],
                )

    def _version(self) -> int:
        with self.read() as session:
            version = self._version_by(session)
        if version > len(STEPS):
            raise UserError(
                f"{self.where} was written by a newer version of Serendip (schema {version}, this one knows "
                f"{len(STEPS)}): upgrade with `pip install -U serendip`"
            )
        return version

    def _version_by(self, session: Session) -> int:
        # a scan, which sees what was committed while the lock was waited for; to_regclass may not
        made = "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'serendip' AND tablename = 'meta'"
        if session.execute(made).fetchone() is None:
            return 0
        row = session.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        if row is None:
            raise UserError(f"the schema serendip of {self.where} is not of Serendip's making: name another database")
        return int(row[0])

    def index(self) -> None:
        """Do nothing: the indexes are always there."""

    def unindex(self) -> None:
        """Do nothing: other servers need the indexes, and COPY is quick with them."""

    def tidy(self) -> None:
        """Let PostgreSQL reuse the room of what was deleted; the server's own log keeps it until it is recycled."""
        with self._said(), self._pool.connection() as raw:
            raw.execute("VACUUM users, events, withdrawn, quarantine, recommendations, words")

    def fold(self) -> None:
        """Do nothing: the server has processes of its own for that."""

    def stamp(self) -> object:
        """Return what is another whenever anything was written, by anybody."""
        with self.read() as session:
            return session.execute("SELECT (SELECT max(seq) FROM events), (SELECT max(seq) FROM changes)").fetchone()

    def check(self) -> None:
        """Raise Unavailable where the server cannot be reached."""
        with self.read() as session:
            session.execute("SELECT 1")

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction, alone among all processes: on the disk when it ends, wholly or not at all."""
        with self._lock, self._said(), self._pool.connection(GONE) as raw, raw.transaction():
            raw.execute(
                "SELECT set_config('lock_timeout', %s, true), set_config('synchronous_commit', 'on', true)",
                [f"{BUSY}s"],
            )
            raw.execute("SELECT pg_advisory_xact_lock(%s)", [APPLICATION])
            yield Session(raw)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A connection for reading, the same one for whatever this thread reads meanwhile."""
        held: Session | None = getattr(self._local, "session", None)
        with self._said():
            if held is not None:
                yield held
                return
            with self._pool.connection() as raw:
                self._local.session = Session(raw)
                try:
                    yield self._local.session
                finally:
                    self._local.session = None

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Several reads that see one and the same state, whatever is written meanwhile."""
        with self.read() as session:
            if session.raw.info.transaction_status != self._psycopg.pq.TransactionStatus.IDLE:
                yield session
                return
            with session.raw.transaction():
                session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield session

    @contextmanager
    def _said(self) -> Iterator[None]:
        errors = self._psycopg.errors
        try:
            yield
        except self._full as error:
            raise Unavailable(f"{self.where} cannot be reached, or has no connection to spare: is it up?") from error
        except errors.DiskFull as error:
            raise Unavailable(
                f"the disk is full: {self.where} could not take the last batch; what came before it is safe, so free "
                "some space and run the same command again"
            ) from error
        except errors.LockNotAvailable as error:
            raise Unavailable(
                f"another program has been writing to {self.where} for over {BUSY} seconds: try again later"
            ) from error
        except errors.InsufficientPrivilege as error:
            raise UserError(
                f"{self.where} does not allow it ({one_line(error)}): grant the user CREATE on it"
            ) from error
        except self._psycopg.DataError as error:
            raise UserError(f"{self.where} cannot hold this: {one_line(error)}") from error
        except (self._psycopg.OperationalError, self._psycopg.InterfaceError) as error:
            raise Unavailable(f"{self.where} cannot be used: {one_line(error)}") from error

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


def shown(url: str) -> str:
    """Return an address without its password."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return f"postgresql://{place}{parts.path}"


def one_line(error: Exception) -> str:
    """Return the first line of an error."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
