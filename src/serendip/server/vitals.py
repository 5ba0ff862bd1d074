"""A thread that looks now and then at how the process is: its memory, its processor time, how old its model is."""

import logging
import threading
import time
from datetime import UTC, datetime

import psutil

from serendip.service.counters import CPU, MEMORY, MODEL_AGE
from serendip.service.serving import Serving

log = logging.getLogger("serendip")
EVERY = 2.0  # seconds between two looks


class Vitals(threading.Thread):
    """Sets the gauges of one worker until it is stopped."""

    def __init__(self, serving: Serving, every: float = EVERY) -> None:
        super().__init__(name="vitals", daemon=True)
        self.serving, self.every = serving, every
        self._stop_asked = threading.Event()
        self._process = psutil.Process()
        self._counted = 0.0

    def run(self) -> None:
        while True:
            try:
                self.look()
            except Exception as error:  # a look that fails is no reason never to look again
                log.error("looking at the process failed: %s: %s", type(error).__name__, error)
            if self._stop_asked.wait(self.every):
                return

    def look(self) -> None:
        """Set each gauge once."""
        fitted = datetime.strptime(self.serving.live.version[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        MODEL_AGE.set(time.time() - fitted.timestamp())
        used = self._process.cpu_times()
        CPU.inc(max(used.user + used.system - self._counted, 0.0))
        self._counted = used.user + used.system
        MEMORY.set(memory(self._process))

    def stop(self) -> None:
        """End after the look that is under way, which is waited for."""
        self._stop_asked.set()
        self.join()


def memory(process: psutil.Process) -> int:
    """Return a process's memory in bytes, of what it shares its share where the system tells (PSS)."""
    about = process.memory_full_info()
    return int(getattr(about, "pss", about.rss))
