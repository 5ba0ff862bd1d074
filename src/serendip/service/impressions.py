"""What is shown is recorded: by a thread, some at a time, so that no answer waits for it."""

import logging
import threading
import time
from collections import deque
from typing import Protocol

from msgspec import UNSET

from serendip.errors import Unavailable
from serendip.service.answer import Slate
from serendip.service.live import Live
from serendip.store.impressions import Impression

log = logging.getLogger("serendip")
EVERY = 0.5  # seconds between two writings
MOST = 50_000  # slates that wait to be written; of more, the oldest are given up
AT_ONCE = 1000  # slates of one transaction
CLOSING = 3.0  # seconds that closing waits for the last writing


class Answers(Protocol):
    """Whatever holds what answers now."""

    live: Live


class Impressions:
    """Slates on their way into the store. `put` may be called from many threads and costs a microsecond.

    While the store cannot be written they wait; those beyond `MOST` are lost, which is logged with their number.
    """

    def __init__(self, holder: Answers, on: bool = True) -> None:
        self.holder, self.on = holder, on
        self.lost = 0
        self._waiting: deque[tuple[int, Slate]] = deque(maxlen=MOST)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, slate: Slate) -> None:
        """Let a slate be recorded."""
        if not self.on or not slate.items:
            return
        self.lost += len(self._waiting) == MOST
        self._waiting.append((time.time_ns() // 1_000_000, slate))
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="impressions", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            self._try()
        self._try()

    def _try(self) -> None:
        try:
            self.flush()
        except Exception as error:  # the store is taken, full or closed: what waits goes on waiting
            known = isinstance(error, Unavailable)
            log.error("impressions are not written: %s", error if known else type(error).__name__)

    def flush(self) -> None:
        """Write what waits.

        Raises:
            Unavailable: the store cannot be written; what waits goes on waiting.
        """
        while self._waiting:
            part = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            try:
                live = self.holder.live
                index = live.store.find_users([*{one.user_id for _, one in part if one.user_id is not None}])
                live.store.add_impressions([recorded(live, when, one, index) for when, one in part])
            except BaseException:
                self._waiting.extendleft(reversed(part[: MOST - len(self._waiting)]))
                raise
        if self.lost:
            log.error("%d impressions were lost while the store could not be written", self.lost)
            self.lost = 0

    def close(self) -> None:
        """Write what waits, if that goes quickly, and end."""
        self._stop.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(CLOSING)


def recorded(live: Live, when: int, slate: Slate, users: dict[str, int]) -> Impression:
    """Return a slate as the store keeps it."""
    chance = tuple(1.0 if one.propensity is UNSET else float(one.propensity) for one in slate.items)
    return Impression(
        slate.request_id,
        when,
        -1 if slate.user_id is None else users.get(slate.user_id, -1),
        slate.pipeline,
        slate.model,
        tuple(live.catalogue.get(one.item_id) for one in slate.items),
        chance if any(one.propensity is not UNSET for one in slate.items) else None,
    )
