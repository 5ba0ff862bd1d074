"""Columns of a sparse linear item-to-item model, each an elastic net fitted from the Gram matrix alone.

Ning, Karypis: SLIM: Sparse Linear Methods for Top-N Recommender Systems, ICDM 2011, doi:10.1109/ICDM.2011.134.
Friedman, Hastie, Tibshirani: Regularization Paths for Generalized Linear Models via Coordinate Descent, JSS 33(1),
2010, section 2.2: covariance updates.
"""

from typing import TypeAlias

import numpy as np

from serendip.arrays import F32, I32, I64
from serendip.kernels import compiled
from serendip.kernels.csr import checked_csr

Columns: TypeAlias = tuple[I64, I32, F32]


def slim_columns(
    indptr: I64,
    indices: I32,
    data: F32,
    diagonal: F32,
    *,
    l1: float,
    l2: float,
    k: int,
    sweeps: int = 100,
    tolerance: float = 1e-3,
    threads: int | None = None,
) -> Columns:
    """Minimise |x_i - X w_i|^2 / 2 + l2 |w_i|^2 / 2 + l1 |w_i|_1 with w_i >= 0 and w_ii = 0, for every column i of X.

    Only G = X'X is needed, for an X without negative entries. An item j with G_ij <= l1 can then have no weight, so it
    is left out at no loss; of the others at most `k` are considered, those of the largest (G_ij - l1)^2 / (G_jj + l2),
    by how much the objective falls if j alone has a weight (Ning and Karypis, section 4.3: feature selection).
    The result does not depend on the number of threads.

    A sweep is O(changes min(k, candidates)); only the rows of G of items that come to a weight are fetched. Memory
    beside G is the weights found and, a thread, one row of length k for each item with a weight.

    Args:
        indptr: (n+1,) where each row of G begins; G is symmetric, and what it holds of its diagonal is not looked at.
        indices: (nnz,) columns.
        data: (nnz,) products, not negative.
        diagonal: (n,) of G.
        l1: not negative.
        l2: above 0, so that the answer is unique.
        k: candidates a column, at most.
        sweeps: at most, over the candidates.
        tolerance: stop where a sweep moves the fit of column i by no more than this times |x_i| a weight.
        threads: None means every core.

    Returns:
        The transpose of W in CSR: indptr (n+1,), indices ascending within a row, weights above 0.

    Raises:
        ValueError: a broken CSR matrix, a negative product or one that is not finite, or a setting out of bounds.
    """
    n = len(diagonal)
    indptr, indices, data = checked_csr(indptr, indices, data, n, n)
    diagonal = np.ascontiguousarray(diagonal, np.float32)
    for products in (data, diagonal):
        if len(products) and not (products.min() >= 0 and products.max() < np.inf):  # NaN fails the first
            raise ValueError("products must be finite numbers of 0 or more")
    if not (0 <= l1 < np.inf and 0 < l2 < np.inf and k >= 1 and sweeps >= 1 and tolerance >= 0):
        raise ValueError(f"l1 {l1} must be 0 or more, l2 {l2} above 0, k {k} and sweeps {sweeps} 1 or more")
    if not compiled.native:
        compiled.say_once()
        return slim_columns_numpy(
            indptr, indices, data, diagonal, l1=l1, l2=l2, k=k, sweeps=sweeps, tolerance=tolerance
        )
    found: Columns = compiled.module.slim_columns(
        indptr, indices, data, diagonal, l1, l2, k, sweeps, tolerance, threads or compiled.default_threads()
    )
    return found


def slim_columns_numpy(
    indptr: I64,
    indices: I32,
    data: F32,
    diagonal: F32,
    *,
    l1: float,
    l2: float,
    k: int,
    sweeps: int = 100,
    tolerance: float = 1e-3,
) -> Columns:
    """Do what `slim_columns` does, column by column, by sweeps over all candidates."""
    n = len(diagonal)
    rows: list[I32] = []
    values: list[F32] = []
    for i in range(n):
        at = slice(indptr[i], indptr[i + 1])
        item, product = indices[at], data[at]
        keep = (item != i) & (product > l1)
        item, product = item[keep], product[keep]
        gain = (product - np.float32(l1)) ** 2 / (diagonal[item] + np.float32(l2))
        best = np.lexsort((item, -gain))[:k]
        item, product = item[best], product[best]
        g = np.zeros((len(item), n), np.float32)
        for c, j in enumerate(item):
            g[c, indices[indptr[j] : indptr[j + 1]]] = data[indptr[j] : indptr[j + 1]]
        g = g[:, item]  # (candidates, candidates)
        np.fill_diagonal(g, diagonal[item])
        w, gradient = np.zeros(len(item), np.float32), -product
        for _ in range(sweeps):
            change = 0.0
            for c in range(len(item)):
                value = max(0.0, (w[c] * g[c, c] - gradient[c] - l1) / (g[c, c] + l2))
                step = np.float32(value) - w[c]
                w[c] += step
                gradient += step * g[c]
                change = max(change, abs(step) * np.sqrt(g[c, c] + l2))
            if change <= tolerance * np.sqrt(diagonal[i]):
                break
        order = np.argsort(item)
        order = order[w[order] > 0]
        rows.append(item[order])
        values.append(w[order])
    counts = np.array([0, *map(len, rows)], np.int64)
    none_i, none_f = np.empty(0, np.int32), np.empty(0, np.float32)
    return np.cumsum(counts), np.concatenate([none_i, *rows]).astype(np.int32), np.concatenate([none_f, *values])
