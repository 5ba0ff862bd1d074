"""An end in time: what reports its progress is stopped there, between two of its steps."""

import time
from dataclasses import dataclass, replace

from serendip.models.contract import Progress, Run


class TimeUp(Exception):
    """The time is up: what was under way is given up."""


@dataclass(frozen=True)
class Deadline:
    """A moment of the monotonic clock; None: never."""

    at: float | None

    @staticmethod
    def after(seconds: float | None) -> "Deadline":
        """Return the moment so many seconds from now."""
        return Deadline(None if seconds is None else time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds that are left, below 0 when it is over."""
        return float("inf") if self.at is None else self.at - time.monotonic()

    def earlier(self, seconds: float) -> "Deadline":
        """Return the moment so many seconds before."""
        return self if self.at is None else Deadline(self.at - seconds)

    def watching(self, run: Run) -> Run:
        """Return the run with a progress that raises TimeUp once the time is up."""
        told: Progress | None = run.progress

        def progress(what: str, done: int, of: int) -> None:
            if self.left < 0:
                raise TimeUp
            if told is not None:
                told(what, done, of)

        return replace(run, progress=progress)
