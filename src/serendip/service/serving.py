"""A project that answers: what is live now, and its replacement by another version while requests run."""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from serendip.adapters.redis import Redis
from serendip.errors import Unavailable, UserError
from serendip.service.cache import Cache, Shared
from serendip.service.fresh import Fresh
from serendip.service.impressions import Impressions
from serendip.service.live import Live
from serendip.service.open import opened
from serendip.service.publish import proved
from serendip.service.recent import Recent
from serendip.service.settings import settings_of
from serendip.store.project import Project

log = logging.getLogger("serendip")
FAULTS, WITHIN = 5, 60.0  # so many faults of the model's within so many seconds, and the one before it serves again
OUT = 2.0  # seconds that the store is left alone after it could not be read


class Serving:
    """Holds the `Live` that answers. A request takes it once, by `answering`; `take_up` swaps it by reference.

    Raises:
        UserError: as `opened`.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        settings = settings_of(project)
        self.live: Live = opened(project.root)
        self.live.warm()
        self.before: Live | None = None  # what answered until the last swap
        self.refused: dict[str, str] = {}  # version -> why it is not taken up
        self.recent = Recent()
        self.impressions = Impressions(self, settings.serving.impressions)
        self.caching = settings.cache
        self.cache = Cache(settings.cache.slates, settings.cache.seconds)
        self.shared: Shared | None = Redis(settings.cache.url, settings.cache.seconds) if settings.cache.url else None
        left_out = [self.live.catalogue.get(item_id) for item_id in settings.data.exclude_items]
        self.fresh = Fresh(self, np.array(left_out, np.int32), self.cache, self.recent)
        self._faults: deque[float] = deque(maxlen=FAULTS)
        self._out_until = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def answering(self) -> Iterator[Live]:
        """Give what answers one request; a fault that is not the asker's counts against its model."""
        live = self.now()
        try:
            yield live
        except UserError:
            raise
        except Exception as error:
            self.failed(live, error)
            raise

    def now(self) -> Live:
        """Return what answers, up to date with the store where that can be read."""
        if self.reachable:
            try:
                self.fresh.look()
            except Unavailable as error:
                log.error("the store cannot be read: %s", error)
                self.unreachable()
        return self.live

    @property
    def reachable(self) -> bool:
        """Whether the store is worth asking: it has not just been out of reach."""
        return time.monotonic() >= self._out_until

    def unreachable(self) -> None:
        """Leave the store alone for a moment."""
        self._out_until = time.monotonic() + OUT

    def take_up(self, version: str) -> bool:
        """Load a version, let it answer its golden requests, and swap it in; one that fails is refused.

        What answered goes on meanwhile, and afterwards where the version is refused, which is logged once.
        """
        with self._lock:
            if version == self.live.version:
                return True
            if version in self.refused:
                return False
            try:
                loaded = proved(self.project, version, self.live.catalogue)
            except UserError as error:
                self._refuse(version, str(error), self.live.version)
                return False
            loaded.warm()
            self._swap(loaded)
            log.info("model %s serves", version)
            return True

    def failed(self, live: Live, error: Exception) -> None:
        """Count a fault of a model's; with enough of them the one before it serves again, here and everywhere."""
        now = time.monotonic()
        with self._lock:
            if live is not self.live:
                return
            self._faults.append(now)
            log.error("model %s failed: %s: %s", live.version, type(error).__name__, error)
            if len(self._faults) < FAULTS or now - self._faults[0] > WITHIN:
                return
            self._faults.clear()
            old = self.before or self._previous()
            if old is None:
                return
            why = f"{FAULTS} faults within {WITHIN:.0f} s, the last {type(error).__name__}: {error}"
            self._refuse(live.version, why, old.version)
            self._swap(old)
            self.before = None
        try:
            self.project.publish(old.version, f"rolled back from {live.version}: {why}", instead_of=live.version)
        except (UserError, OSError) as problem:  # the disk is full, the version is gone: this process went back anyway
            log.error("the rollback to %s is not published: %s", old.version, problem)

    def _previous(self) -> Live | None:
        """Return the version that served before this process began, if it can still serve."""
        try:
            version = self.project.previous()
            return None if version is None else proved(self.project, version, self.live.catalogue)
        except UserError as error:
            log.error("there is no way back: %s", error)
            return None

    def _refuse(self, version: str, why: str, instead: str) -> None:
        self.refused[version] = why
        log.error("model %s is refused and %s serves: %s", version, instead, why)

    def _swap(self, loaded: Live) -> None:
        self.before = self.live
        self.fresh.swap(loaded)
        self._faults.clear()

    def close(self) -> None:
        """Close the store and what is beside it."""
        self.impressions.close()
        if self.shared is not None:
            self.shared.close()
        self.live.store.close()
