"""A thread that keeps the store's log short, so that no transaction has to wait for that."""

import logging
import threading

from serendip.errors import Unavailable
from serendip.store.store import Store

log = logging.getLogger("serendip")
EVERY = 1.0  # seconds between two looks


class Fold(threading.Thread):
    """Lets a store fold its log where something was written, until it is stopped."""

    def __init__(self, store: Store, every: float = EVERY) -> None:
        super().__init__(name="fold", daemon=True)
        self.store, self.every = store, every
        self._stop_asked = threading.Event()

    def run(self) -> None:
        seen: object = None
        while not self._stop_asked.wait(self.every):
            try:
                now = self.store.stamp()
                if now != seen:
                    self.store.fold()
                seen = now
            except Unavailable:  # whoever writes meets it too, and says so
                pass
            except Exception as error:
                log.error("the store's log is not folded: %s: %s", type(error).__name__, error)

    def stop(self) -> None:
        """End after the look that is under way, which is waited for."""
        self._stop_asked.set()
        self.join()
