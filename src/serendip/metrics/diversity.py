"""Diversity within a slate: the mean of 1 - cosine over all pairs of its items.

Reference: Ziegler et al., "Improving recommendation lists through topic diversification", WWW 2005 (there as its
opposite, intra-list similarity). For unit vectors v the sum of cosines over pairs is (|sum v|^2 - n) / 2, so a slate
costs one sum and not k^2 products.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from serendip.arrays import F64, Ints


def diversity(item: Ints, vectors: NDArray[np.floating] | sp.csr_array, k: int) -> F64:
    """Return the mean of 1 - cosine over the pairs among the first k items, (B,).

    item: (B, k_max), -1 is padding. vectors: (n_items, d), dense or CSR: features, or what users chose (the transposed
    interactions). An item whose vector is all zero says nothing and is left out; fewer than two items give NaN.
    """
    norm = np.sqrt(_squared_lengths(vectors))  # (n_items,)
    top = item[:, :k]
    keep = (top >= 0) & (norm[np.maximum(top, 0)] > 0)
    row, column = np.nonzero(keep)[0], top[keep]
    choose = sp.csr_array((1 / norm[column], (row, column)), shape=(len(item), len(norm)))
    n = keep.sum(axis=1)
    cosine = np.full(len(item), np.nan)
    total = choose @ vectors  # (B, d): the sum of unit vectors
    length = _squared_lengths(total if isinstance(total, np.ndarray) else sp.csr_array(total))
    np.divide(length - n, n * (n - 1), out=cosine, where=n > 1)
    value: F64 = np.clip(1 - cosine, 0, 2)  # rounding may step over either end
    return value


def _squared_lengths(rows: NDArray[np.floating] | sp.csr_array) -> F64:
    """Return the squared length of each row, in float64."""
    square: F64
    if isinstance(rows, np.ndarray):
        square = np.square(rows, dtype=np.float64).sum(axis=1)
    else:
        square = np.asarray(rows.multiply(rows).sum(axis=1), np.float64)
    return square
