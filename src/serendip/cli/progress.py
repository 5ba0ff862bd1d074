"""Progress on the terminal: a bar with a rate and the time left, for anything that takes over a second."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

PATIENCE = 1.0  # seconds without a word


class Bar:
    """Call it with (what, done, of); it draws on standard error, and only where that is a terminal.

    Elsewhere it writes a line each ten seconds. Use it as a context manager.
    """

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self.bars: Progress | None = None
        self.tasks: dict[str, TaskID] = {}
        self.began: dict[str, float] = {}
        self.said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.bars is not None:
            self.bars.stop()

    def __call__(self, what: str, done: int, of: int) -> None:
        now = time.monotonic()
        began = self.began.setdefault(what, now)
        rate = done / max(now - began, 1e-9)
        if now - began < PATIENCE and what not in self.tasks:
            return
        if self.terminal:
            self.draw(what, done, of, rate)
        elif now - self.said > 10:
            self.said = now
            share = f" ({done / of:.0%}, {(of - done) / rate:.0f} s left)" if of and rate else ""
            speed = f", {rate:,.0f} a second" if rate >= 1 else ""
            print(f"{what}: {done:,} of {of:,}{share}{speed}", file=sys.stderr, flush=True)

    def draw(self, what: str, done: int, of: int, rate: float) -> None:
        """Move one bar."""
        if self.bars is None:
            self.bars = Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rate]}"),
                                 TimeRemainingColumn(), console=Console(stderr=True), transient=True)  # fmt: skip
            self.bars.start()
        if what not in self.tasks:
            self.tasks[what] = self.bars.add_task(what, total=of, rate="")
        self.bars.update(self.tasks[what], completed=done, total=of, rate=f"{rate:,.0f}/s" if rate >= 1 else "")
