"""Rows of factors that begin where cache lines do, so that a vector is never in two of them."""

import numpy as np

from serendip.arrays import F32, F64, Ints

LINE = 16
"""Rows of factors are filled up with zeros to a multiple of this many floats, a cache line."""


def lines(n: int, rank: int) -> F32:
    """Return zeros (n, rank rounded up to whole lines) that begin where a cache line does."""
    width = -(-rank // LINE) * LINE
    room = np.zeros(n * width + LINE, np.float32)
    begin = -room.ctypes.data // room.itemsize % LINE
    return room[begin : begin + n * width].reshape(n, width)


def drawn_lines(rng: np.random.Generator, count: Ints | F64, rank: int, init_std: float) -> F32:
    """Return normal factors of standard deviation `init_std`, a row for each of `count` (n,), in lines as above.

    count: from how many ratings or interactions a row is learnt; where it is 0 the row is zeros, and stays so.
    """
    factors = lines(len(count), rank)
    factors[:, :rank] = np.float32(init_std) * rng.standard_normal((len(count), rank), np.float32)
    factors[count == 0] = 0
    return factors
