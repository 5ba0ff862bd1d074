"""A thread that makes the slates of the most active users before they ask: at the start, and for a new model."""

import time
from typing import ClassVar

from serendip.service import slate as slates
from serendip.service.degrade import told
from serendip.service.lookout import Lookout
from serendip.service.serving import Serving

SHARE = 0.2  # of its time in which the thread works, so that requests go on
EVERY = 1.0  # seconds between two looks whether another model serves


class Warming(Lookout):
    """Fills the cache of slates while requests are answered."""

    failing: ClassVar[str] = "slates are not made ahead"
    at_once: ClassVar[bool] = True

    def __init__(self, serving: Serving, k: int, every: float = EVERY) -> None:
        super().__init__(every)
        self.serving, self.k = serving, k
        self.made = 0  # slates so far
        self._version: str | None = None  # for which slates were made

    def look(self) -> None:
        """Make slates for a version that has just begun to serve."""
        if self.serving.live.version != self._version:
            self._version = self.serving.live.version
            self.warm(self._version)

    def warm(self, version: str) -> None:
        """Make the slates of the most active users, as long as a version serves."""
        serving = self.serving
        n = min(serving.caching.users, serving.caching.slates)
        for user_id in serving.live.store.active(n) if n else ():
            live, clock, began = serving.now(), serving.cache.clock, time.perf_counter()
            if self.stop_asked.is_set() or live.version != version or not serving.reachable:
                return
            if not live.surfaces.explores(slates.PLAIN.pipeline):
                made = slates.slate(live, user_id, self.k)
                serving.cache.put(user_id, (self.k, False, told(None), slates.PLAIN), made, clock)
                self.made += 1
            self.stop_asked.wait((time.perf_counter() - began) * (1 / SHARE - 1))
