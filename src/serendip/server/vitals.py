"""A thread that looks now and then at how the process is: its memory, its processor time, how old its model is."""

import time
from datetime import UTC, datetime
from typing import ClassVar

import psutil

from serendip.service.counters import CPU, MEMORY, MODEL_AGE
from serendip.service.lookout import Lookout
from serendip.service.serving import Serving

EVERY = 2.0  # seconds between two looks


class Vitals(Lookout):
    """Sets the gauges of one worker until it is stopped."""

    failing: ClassVar[str] = "looking at the process failed"
    at_once: ClassVar[bool] = True

    def __init__(self, serving: Serving, every: float = EVERY) -> None:
        super().__init__(every)
        self.serving = serving
        self._process = psutil.Process()
        self._counted = 0.0

    def look(self) -> None:
        """Set each gauge once."""
        fitted = datetime.strptime(self.serving.live.version[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        MODEL_AGE.set(time.time() - fitted.timestamp())
        used = self._process.cpu_times()
        CPU.inc(max(used.user + used.system - self._counted, 0.0))
        self._counted = used.user + used.system
        MEMORY.set(memory(self._process))


def memory(process: psutil.Process) -> int:
    """Return a process's memory in bytes, of what it shares its share where the system tells (PSS)."""
    about = process.memory_full_info()
    return int(getattr(about, "pss", about.rss))
