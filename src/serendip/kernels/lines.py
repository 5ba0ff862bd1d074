"""Rows of factors that begin where cache lines do, so that a vector is never in two of them."""

import numpy as np

from serendip.arrays import F32

LINE = 16
"""Rows of factors are filled up with zeros to a multiple of this many floats, a cache line."""


def lines(n: int, rank: int) -> F32:
    """Return zeros (n, rank rounded up to whole lines) that begin where a cache line does."""
    width = -(-rank // LINE) * LINE
    room = np.zeros(n * width + LINE, np.float32)
    begin = -room.ctypes.data // room.itemsize % LINE
    return room[begin : begin + n * width].reshape(n, width)
