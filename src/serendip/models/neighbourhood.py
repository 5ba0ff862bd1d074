"""What predicts a rating by neighbours: the weighted mean of what the nearest say, a part of the ratings at a time."""

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I64

BESIDE = 2_000_000  # ratings beside all items, and likenesses, held at once


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


def blocks(at: I64, length: I64) -> list[I64]:
    """Return parts of `at` whose lengths sum to BESIDE at most, as far as one alone does not.  # (N,), (N,)"""
    part = np.cumsum(length) // BESIDE
    return [p for p in np.split(at, np.flatnonzero(np.diff(part)) + 1) if len(p)]


def padded(rows: CSR) -> CSR:
    """Return the rows and an empty one after them, for what is unknown.  # (n, m) -> (n + 1, m)"""
    n, m = rows.shape
    return csr_matrix((rows.data, rows.indices, np.append(rows.indptr, rows.nnz)), shape=(n + 1, m))
