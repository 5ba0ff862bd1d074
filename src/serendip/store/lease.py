"""A lease that one process of many holds: it ends by itself, and whoever held it before cannot act under it.

Each time it is taken its token rises (a fencing token). What is to happen under the lease happens in one transaction
that looks at the token first, so a holder that was paused past the end finds its token outrun and does nothing.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from serendip.errors import Unavailable
from serendip.store.connection import Connection, Database


class Lost(Unavailable):
    """Somebody else has taken the lease meanwhile."""


class Lease:
    """A named lease of some seconds. `take` it, `renew` it now and then, act under `held`, `release` it."""

    def __init__(self, database: Database, name: str, seconds: float) -> None:
        self._database, self.name, self.seconds = database, name, seconds
        self.token = 0

    def take(self) -> bool:
        """Take the lease; return whether nobody else holds it."""
        with self._database.write() as connection:
            token, until = self._read(connection)
            now = time.time()
            if now < until <= now + self.seconds:  # an end further off than that was written by a wrong clock
                return False
            self.token = token + 1
            self._write(connection, now + self.seconds)
        return True

    def renew(self) -> None:
        """Hold it for its full time again.

        Raises:
            Lost: somebody else has taken it.
        """
        with self._database.write() as connection:
            self._mine(connection)
            self._write(connection, time.time() + self.seconds)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Do something that nobody else can be doing under this lease: nobody takes it until this ends.

        Raises:
            Lost: somebody else has taken it.
        """
        with self._database.write() as connection:
            self._mine(connection)
            yield

    def release(self) -> None:
        """Let it go, if it is still held."""
        with self._database.write() as connection:
            if self.token and self._read(connection)[0] == self.token:
                self._write(connection, 0.0)

    def _mine(self, connection: Connection) -> None:
        if self._read(connection)[0] != self.token:
            raise Lost(f"the lease {self.name!r} ended and another process has taken it: this one does nothing more")

    def _read(self, connection: Connection) -> tuple[int, float]:
        row = connection.execute("SELECT value FROM meta WHERE key = ?", [f"lease.{self.name}"]).fetchone()
        token, until = json.loads(row[0]) if row else (0, 0.0)
        return int(token), float(until)

    def _write(self, connection: Connection, until: float) -> None:
        connection.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            [f"lease.{self.name}", json.dumps([self.token, until])],
        )
