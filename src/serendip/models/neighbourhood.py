"""The weighted mean of what the nearest say, by which neighbours foretell a rating."""

import numpy as np

from serendip.arrays import F32, I64


def weighted_mean(row: I64, likeness: F32, value: F32, k: int, n: int) -> F32:
    """Return sum s v / sum s over the k entries of greatest positive likeness s of each row, 0 without any.

    row, likeness, value (N,), rows in any order -> (n,).
    """
    some = likeness > 0
    row, likeness, value = row[some], likeness[some], value[some]
    order = np.lexsort((-likeness, row))
    row, likeness, value = row[order], likeness[order], value[order]
    first = np.searchsorted(row, np.arange(n))
    near = np.arange(len(row)) - first[row] < k
    row, likeness, value = row[near], likeness[near], value[near]
    total = np.bincount(row, likeness * value, n)
    return (total / np.maximum(np.bincount(row, likeness, n), 1e-12)).astype(np.float32)
