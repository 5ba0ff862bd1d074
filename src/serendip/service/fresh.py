"""What is written takes effect in the next answer: caches forget, hidden items go, new items and attributes come.

Every answer first looks whether anything was written since the last look, by any process: some microseconds where
nothing was. What changes who may see what is taken up there and then; what must be computed, new items and attributes,
by a thread that looks ten times a second.
"""

import logging
import threading
from typing import Protocol

import numpy as np

from serendip.arrays import I32
from serendip.errors import Unavailable
from serendip.service.cache import Cache
from serendip.service.grow import Growth
from serendip.service.live import Live
from serendip.service.recent import Recent
from serendip.store.changes import Changed, Mark

log = logging.getLogger("serendip")
EVERY = 0.1  # seconds between two looks of the thread


class Answers(Protocol):
    """Whatever holds what answers now."""

    live: Live


class Fresh:
    """Keeps what answers up to date with the store. `look` may be called from many threads."""

    def __init__(self, holder: Answers, left_out: I32, cache: Cache, recent: Recent) -> None:
        """left_out: items that are never shown, whatever the store says."""
        self.holder, self.left_out, self.cache, self.recent = holder, left_out, cache, recent
        self.store = holder.live.store
        self.swapping = threading.RLock()  # held while what answers is replaced by reference: microseconds
        self.mark = holder.live.catalogue.mark
        self.grown_to = Mark(-1, -1)  # how much of what is new the models have taken up
        self._banned = self._barred()
        self._seen = threading.local()
        self._growing = threading.Lock()
        self._growth: Growth | None = None
        self._new: set[int] | None = None  # items to take up; None: all
        self._again = False
        self._work, self._stopped = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def _barred(self) -> I32:
        return np.union1d(self.left_out, self.store.hidden()).astype(np.int32)

    def swap(self, live: Live) -> None:
        """Let another model answer: without what is not to be shown now, and soon with what is new."""
        with self.swapping:
            live.surfaces.stale(items=None, rules=True)  # they may have been read before the last change
            self.holder.live = live.barring(self._banned)
            self._growth, self._new, self.grown_to = None, None, Mark(-1, -1)
            self.cache.clear()
        self._work.set()

    def look(self) -> None:
        """Take up what was written since the last look.

        Raises:
            Unavailable: the store cannot be read.
        """
        stamp = self.store.stamp()
        if stamp == getattr(self._seen, "stamp", None):
            return
        with self.swapping:
            changed = self.store.changed(self.mark)
            if changed.mark != self.mark:
                self._take_in(changed)
        self._seen.stamp = stamp

    def _take_in(self, changed: Changed) -> None:
        changes = changed.items is None or bool(changed.items)
        if changes or changed.rules:
            self.holder.live.surfaces.stale(items=changed.items, rules=changed.rules)
        if changes:
            self._banned = self._barred()
            live = self.holder.live
            live.catalogue.renew(changed.items)
            self.holder.live = live.barring(self._banned)
            self._new = None if changed.items is None or self._new is None else self._new | changed.items
            self._work.set()
        if changed.users is None:
            self.recent.clear()
        for user_id in changed.users or ():
            self.cache.forget(user_id)
            self.recent.forget(user_id)
        if changed.users is None or changed.items is None or changed.items or changed.rules:
            self.cache.clear()
        self.mark = changed.mark

    def grow(self) -> None:
        """Let what answers take up the items and attributes that are new."""
        with self._growing:
            with self.swapping:
                live, growth, mark = self.holder.live, self._growth, self.mark
                new = None if growth is None else self._new
                if new is not None and not new and not self._again:
                    return
                self._new, self._again = set(), False
            try:
                growth = growth or Growth(live)
                growth.take_up(None if new is None else frozenset(new))
                made, stages = growth.grown(live)
                made.warm(stages)
            except BaseException:
                with self.swapping:
                    self._growth, self._new = None, None
                raise
            with self.swapping:
                if self.holder.live.version != live.version:  # another model answers by now
                    return
                self._growth = growth
                if self.holder.live is live:
                    self.holder.live, self.grown_to = made.barring(self._banned), mark
                    made.surfaces.stages = stages
                    self.cache.clear()
                else:  # something was hidden, or rules are others: the same again upon that
                    self._again = True
                    self._work.set()

    def start(self) -> None:
        """Begin to look by a thread, too, and to compute what is new."""
        self._thread = threading.Thread(target=self._run, name="fresh", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.look()
                self.grow()
            except Unavailable:  # whoever asks meets it too, and says so
                pass
            except Exception as error:
                log.error("what is new is not taken up: %s: %s", type(error).__name__, error)
                self._stopped.wait(1.0)
            self._work.wait(EVERY)
            self._work.clear()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._work.set()
        if self._thread is not None:
            self._thread.join()
