"""What a process holds, before a fit's own memory is measured."""

import ctypes

import psutil


def settled() -> float:
    """Give freed memory back, so that a fit cannot use it unseen; return the MB (2^20 bytes) that the process holds."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return float(psutil.Process().memory_info().rss / 2**20)
