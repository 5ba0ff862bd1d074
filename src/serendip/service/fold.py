"""A thread that keeps the store's log short, so that no transaction has to wait for that."""

from typing import ClassVar

from serendip.errors import Unavailable
from serendip.service.lookout import Lookout
from serendip.store.store import Store

EVERY = 1.0  # seconds between two looks


class Fold(Lookout):
    """Lets a store fold its log where something was written, until it is stopped."""

    failing: ClassVar[str] = "the store's log is not folded"

    def __init__(self, store: Store, every: float = EVERY) -> None:
        super().__init__(every)
        self.store = store
        self._seen: object = None

    def look(self) -> None:
        """Fold, if anything was written since the last look."""
        try:
            now = self.store.stamp()
            if now != self._seen:
                self.store.fold()
            self._seen = now
        except Unavailable:  # whoever writes meets it too, and says so
            pass
