"""Rate limits: a token bucket a key, which holds one second's worth and is shared by the workers of a server.

As the generic cell rate algorithm (ITU-T I.371, 1996): all that is kept of a bucket is when it will be full again.
"""

import fcntl
import mmap
import os
import struct
import time
from pathlib import Path

FULL_AT = struct.Struct("d")  # seconds of the system's monotonic clock, the same in every process


class Limits:
    """The buckets of a server's keys.

    shared: a folder where the workers keep them, a file each; None where one process answers alone.
    """

    def __init__(self, shared: Path | None = None) -> None:
        self.shared = shared
        self._buckets: dict[str, tuple[int | None, mmap.mmap]] = {}

    def wait(self, name: str, rate: float) -> float:
        """Take one token of `rate` a second; return 0, or the seconds until there is one."""
        lock, kept = self._buckets.get(name) or self._open(name)
        if lock is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            now = time.monotonic()
            full_at = max(now, FULL_AT.unpack_from(kept)[0])
            early = full_at - now - (max(rate, 1.0) - 1.0) / rate
            if early > 1e-9:
                return float(early)
            FULL_AT.pack_into(kept, 0, full_at + 1.0 / rate)
            return 0.0
        finally:
            if lock is not None:
                fcntl.flock(lock, fcntl.LOCK_UN)

    def _open(self, name: str) -> tuple[int | None, mmap.mmap]:
        if self.shared is None:
            made: tuple[int | None, mmap.mmap] = None, mmap.mmap(-1, FULL_AT.size)
        else:
            file = os.open(self.shared / f"limit-{name}", os.O_RDWR | os.O_CREAT, 0o600)
            os.ftruncate(file, FULL_AT.size)
            made = file, mmap.mmap(file, FULL_AT.size)
        self._buckets[name] = made
        return made
