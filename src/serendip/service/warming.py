"""A thread that makes the slates of the most active users before they ask: at the start, and for a new model."""

import logging
import threading
import time

from serendip.service import slate as slates
from serendip.service.degrade import told
from serendip.service.serving import Serving

log = logging.getLogger("serendip")
SHARE = 0.2  # of its time in which the thread works, so that requests go on
EVERY = 1.0  # seconds between two looks whether another model serves


class Warming(threading.Thread):
    """Fills the cache of slates while requests are answered."""

    def __init__(self, serving: Serving, k: int) -> None:
        super().__init__(name="warming", daemon=True)
        self.serving, self.k = serving, k
        self.made = 0  # slates so far
        self._stop_asked = threading.Event()

    def run(self) -> None:
        version = None
        while not self._stop_asked.is_set():
            if self.serving.live.version != version:
                version = self.serving.live.version
                try:
                    self.warm(version)
                except Exception as error:  # nobody waits for it
                    log.warning("slates are not made ahead: %s: %s", type(error).__name__, error)
            self._stop_asked.wait(EVERY)

    def warm(self, version: str) -> None:
        """Make the slates of the most active users, as long as a version serves."""
        serving = self.serving
        n = min(serving.caching.users, serving.caching.slates)
        for user_id in serving.live.store.active(n) if n else ():
            live, clock, began = serving.now(), serving.cache.clock, time.perf_counter()
            if self._stop_asked.is_set() or live.version != version or not serving.reachable:
                return
            if not live.surfaces.explores(slates.PLAIN.pipeline):
                made = slates.slate(live, user_id, self.k)
                serving.cache.put(user_id, (self.k, False, told(None), slates.PLAIN), made, clock)
                self.made += 1
            self._stop_asked.wait((time.perf_counter() - began) * (1 / SHARE - 1))

    def stop(self) -> None:
        """End after the slate that is under way."""
        self._stop_asked.set()
        self.join()
