"""Columns of a sparse linear item-to-item model, each an elastic net fitted from the Gram matrix alone.

Ning, Karypis: SLIM: Sparse Linear Methods for Top-N Recommender Systems, ICDM 2011, doi:10.1109/ICDM.2011.134.
Friedman, Hastie, Tibshirani: Regularization Paths for Generalized Linear Models via Coordinate Descent, JSS 33(1),
2010, section 2.2: covariance updates.
"""

import numpy as np
from scipy.sparse import csc_matrix

from serendip.arrays import CSR, F32, I32, offsets
from serendip.kernels import compiled
from serendip.kernels.csr import checked_csr


def slim_columns(
    products: CSR,
    *,
    l1: float,
    l2: float,
    k: int,
    sweeps: int = 100,
    tolerance: float = 1e-3,
    threads: int | None = None,
) -> csc_matrix:
    """Return W of the least |X - X W|^2 / 2 + l2 |W|^2 / 2 + l1 |W|_1 with W >= 0 and diag(W) = 0, column by column.

    Only G = X'X is needed, for an X without negative entries. An item j with G_ij <= l1 can then have no weight, so it
    is left out at no loss; of the others at most `k` are considered, those of the largest (G_ij - l1)^2 / (G_jj + l2),
    by how much the objective falls if j alone has a weight (Ning and Karypis, section 4.3: feature selection).
    The result does not depend on the number of threads.

    A sweep is O(changes min(k, candidates)); only the rows of G of items that come to a weight are fetched. Memory
    beside G is the weights found and, a thread, one row of length k for each item with a weight.

    Args:
        products: G (n, n), symmetric, not negative.
        l1: not negative.
        l2: above 0, so that the answer is unique.
        k: candidates a column, at most.
        sweeps: at most, over the candidates.
        tolerance: stop where a sweep moves the fit of column i by no more than this times |x_i| a weight.
        threads: None means every core.

    Returns:
        W by columns: items ascending within a column, weights above 0.

    Raises:
        ValueError: a broken matrix, a negative product or one that is not finite, or a setting out of bounds.
    """
    n = products.shape[1]
    indptr, indices, data = checked_csr(products)
    if products.shape[0] != n:
        raise ValueError(f"products {products.shape} must be square")
    if len(data) and not (data.min() >= 0 and data.max() < np.inf):  # NaN fails the first
        raise ValueError("products must be finite numbers of 0 or more")
    if not (0 <= l1 < np.inf and 0 < l2 < np.inf and k >= 1 and sweeps >= 1 and tolerance >= 0):
        raise ValueError(f"l1 {l1} must be 0 or more, l2 {l2} above 0, k {k} and sweeps {sweeps} 1 or more")
    if not compiled.native:
        compiled.say_once()
        return slim_columns_numpy(products, l1=l1, l2=l2, k=k, sweeps=sweeps, tolerance=tolerance)
    diagonal = np.ascontiguousarray(products.diagonal(), np.float32)
    begin, item, weight = compiled.module.slim_columns(
        indptr, indices, data, diagonal, l1, l2, k, sweeps, tolerance, threads or compiled.default_threads()
    )
    return csc_matrix((weight, item, begin), shape=(n, n))


def slim_columns_numpy(
    products: CSR,
    *,
    l1: float,
    l2: float,
    k: int,
    sweeps: int = 100,
    tolerance: float = 1e-3,
) -> csc_matrix:
    """Do what `slim_columns` does, column by column, by sweeps over all candidates."""
    n, diagonal = products.shape[1], products.diagonal()
    rows: list[I32] = []
    values: list[F32] = []
    for i in range(n):
        item, product = products[i].indices, products[i].data
        keep = (item != i) & (product > l1)
        item, product = item[keep], product[keep]
        gain = (product - np.float32(l1)) ** 2 / (diagonal[item] + np.float32(l2))
        best = np.lexsort((item, -gain))[:k]
        item, product = item[best], product[best]
        g = products[item][:, item].toarray()  # (candidates, candidates)
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
    item, weight = np.concatenate([np.empty(0, np.int32), *rows]), np.concatenate([np.empty(0, np.float32), *values])
    return csc_matrix((weight, item, offsets(np.array([len(row) for row in rows], np.int64))), shape=(n, n))
