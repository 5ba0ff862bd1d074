"""The compiled kernels if they were built, and what to say where they were not."""

import importlib
import os
import warnings
from typing import Any


def _load() -> Any:
    try:
        return importlib.import_module("serendip.kernels._native")
    except ModuleNotFoundError:  # any other failure to import it is a fault to be seen
        return None


module: Any = _load()
"""The C++ module, or None where no compiler was at hand at installation: then each face runs its NumPy twin."""

native: bool = module is not None

_said: list[bool] = []


def say_once() -> None:
    """Warn, once a process, that the slow twins run. Each face calls it before its twin."""
    if not _said:
        _said.append(True)
        warnings.warn(
            "the compiled kernels are missing (no C++ compiler was found when serendip was installed): "
            "their NumPy twins run, with the same results but many times slower; "
            "install a C++20 compiler, then serendip again",
            RuntimeWarning,
            stacklevel=3,
        )


def default_threads() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
