"""Ctrl-C: one line and status 130, within about a second, whatever is going on."""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import NoReturn

GRACE = 1.0  # seconds in which what is under way may end by itself
LINE = "serendip: stopped; the same command goes on from here"
STATUS = 128 + signal.SIGINT


def leave() -> NoReturn:
    """Say so and end the process here and now: what is on the disk is whole at every moment."""
    terminal = b"\x1b[?25h\n" if os.isatty(2) else b""  # a progress bar hides the cursor
    with suppress(OSError):
        os.write(2, terminal + LINE.encode() + b"\n")
    os._exit(STATUS)


def at_once() -> None:
    """Let Ctrl-C leave at once: before and after a command, when nothing is under way."""
    signal.signal(signal.SIGINT, lambda *_: leave())


def in_time() -> None:
    """Let Ctrl-C raise KeyboardInterrupt, and leave where that has not ended the process in time.

    It may be swallowed where Python cannot raise it (an import, a destructor), or wait for a long call outside Python.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=watch, args=(reading,), daemon=True).start()
    sys.unraisablehook = quiet
    signal.signal(signal.SIGINT, signal.default_int_handler)


def watch(reading: int) -> None:
    """Wait for Ctrl-C; leave when the time is up."""
    while os.read(reading, 1) != bytes([signal.SIGINT]):
        pass
    time.sleep(GRACE)
    leave()


def quiet(error: "sys.UnraisableHookArgs") -> None:
    """Pass over a KeyboardInterrupt that could not be raised; `watch` ends the process."""
    if not issubclass(error.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(error)
