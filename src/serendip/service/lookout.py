"""A thread that looks now and then until it is stopped; a look that fails is no reason never to look again."""

import logging
import threading
from abc import ABC, abstractmethod
from typing import ClassVar

log = logging.getLogger("serendip")


class Lookout(threading.Thread, ABC):
    """Calls `look` every so many seconds. failing: what the log says of a look that failed; at_once: with the first
    look before the first wait."""

    failing: ClassVar[str]
    at_once: ClassVar[bool] = False

    def __init__(self, every: float) -> None:
        super().__init__(name=type(self).__name__.lower(), daemon=True)
        self.every = every
        self.stop_asked = threading.Event()

    def run(self) -> None:
        if not self.at_once and self.stop_asked.wait(self.every):
            return
        while True:
            try:
                self.look()
            except Exception as error:
                log.error("%s: %s: %s", self.failing, type(error).__name__, error)
            if self.stop_asked.wait(self.every):
                return

    @abstractmethod
    def look(self) -> None:
        """Look once."""

    def stop(self) -> None:
        """End after the look that is under way, which is waited for."""
        self.stop_asked.set()
        self.join()
