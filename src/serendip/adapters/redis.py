"""Redis beside the cache of each process: what one process has made, another need not make again.

Nothing in it is needed, since a key says all that its value depends on: lost, flushed or late, it costs time alone. No
request waits longer than TIMEOUT for it; once it has not answered, nobody asks until it answers a ping again.
"""

import logging
import threading
from collections import OrderedDict

from serendip.errors import UserError

log = logging.getLogger("serendip")
TIMEOUT = 0.05  # seconds that a request waits for Redis
PING = 0.5  # seconds between two looks whether it answers again
WAITING = 1_000  # values that wait to be written; the oldest are dropped


class Redis:
    """What all processes share, at a URL. Any thread may use it.

    Raises:
        UserError: the URL is none, or the Python package is missing.
    """

    def __init__(self, url: str, seconds: float) -> None:
        try:
            import redis
        except ModuleNotFoundError:
            raise UserError("[cache] url needs the Redis client: pip install 'serendip[redis]'") from None
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        try:
            self._client = redis.Redis.from_url(
                url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=Retry(NoBackoff(), 0)
            )
        except ValueError as error:
            raise UserError(f"[cache] url is as redis://127.0.0.1:6379/0, not {url!r}: {error}") from None
        self._faults: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        self.seconds = max(1, round(seconds))
        self.hits = self.misses = self.faults = 0
        self._waiting: OrderedDict[bytes, bytes] = OrderedDict()
        self._awake, self._closed = threading.Event(), threading.Event()
        self._answers = True
        self._thread = threading.Thread(target=self._work, name="redis", daemon=True)
        self._thread.start()

    @property
    def answers(self) -> bool:
        """Whether it is asked at all: it has answered the last time."""
        return self._answers

    def get(self, key: bytes) -> bytes | None:
        """Return what is kept under a key, None where nothing is or Redis does not answer."""
        if not self._answers:
            return None
        try:
            value = self._client.get(key)
        except self._faults as error:
            self._failed(error)
            return None
        self.hits, self.misses = self.hits + (value is not None), self.misses + (value is None)
        return value if isinstance(value, bytes) else None

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value, soon, unless Redis does not answer."""
        if self._answers:
            self._waiting[key] = value
            if len(self._waiting) > WAITING:
                self._waiting.popitem(last=False)
            self._awake.set()

    def close(self) -> None:
        """Stop writing, and leave the server."""
        self._closed.set()
        self._awake.set()
        self._thread.join()
        self._client.close()

    def _work(self) -> None:
        while not self._closed.is_set():
            self._awake.wait(PING)
            self._awake.clear()
            try:
                if not self._answers:
                    self._client.ping()
                    self._answers = True
                    log.info("Redis answers again")
                while self._waiting and not self._closed.is_set():
                    key, value = self._waiting.popitem(last=False)
                    self._client.set(key, value, ex=self.seconds)
            except KeyError:  # somebody dropped the last one
                continue
            except self._faults as error:
                self._failed(error)
                self._closed.wait(PING)

    def _failed(self, error: Exception) -> None:
        self.faults += 1
        if self._answers:
            log.warning("Redis does not answer and is left out until it does: %s: %s", type(error).__name__, error)
        self._answers = False
        self._waiting.clear()
