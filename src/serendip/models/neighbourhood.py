"""The weighted mean of what the nearest say, by which neighbours predict a rating."""

import numpy as np

from serendip.arrays import F32, I64


def weighted_mean(row: I64, likeness: F32, value: F32, k: int, n: int) -> F32:
    """Return sum s v / sum s over the k entries of greatest positive likeness s of each row, 0 without any.

    Those that are as near as the k-th count too. row ascending, likeness, value (N,) -> (n,).
    """
    some = likeness > 0
    row, likeness, value = row[some], likeness[some], value[some]
    count = np.bincount(row, minlength=n)
    end, least = np.cumsum(count), np.zeros(n, np.float32)
    for r in np.flatnonzero(count > k):
        mine = likeness[end[r] - count[r] : end[r]]
        least[r] = np.partition(mine, len(mine) - k)[len(mine) - k]
    near = likeness >= least[row]
    row, likeness, value = row[near], likeness[near], value[near]
    total = np.bincount(row, likeness * value, n)
    return (total / np.maximum(np.bincount(row, likeness, n), 1e-12)).astype(np.float32)
