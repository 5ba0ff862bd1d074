"""Entries of the inverse of a sparse positive definite matrix, approximately: each row from a small system of its own.

Kolotilina, Yeremin: Factorized Sparse Approximate Inverse Preconditionings I, SIAM J. Matrix Anal. Appl. 14(1), 1993,
doi:10.1137/0614004.
"""

import numpy as np

from serendip.arrays import CSR, F32, ItemLists
from serendip.kernels import compiled
from serendip.kernels.csr import checked_csr, checked_lists


def inverse_rows(a: CSR, allowed: ItemLists, *, threads: int | None = None) -> F32:
    """Return, for each row i with the allowed columns S, the row of i in the inverse of A restricted to S x S.

    Where S is all columns up to i, the rows over the square roots of their last entries are the
    inverse of A's Cholesky factor, K with K'K = A^-1; with fewer columns they are the K nearest to that
    (Kolotilina and Yeremin 1993, theorem 2.2). The result does not depend on the number of threads.

    O(sum over rows of |S|^3 / 3) time, and a dense |S| x |S| matrix a thread.

    Args:
        a: A (n, n), symmetric, its diagonal stored.
        allowed: each row's distinct columns, its own last.
        threads: None means every core.

    Returns:
        A value for each allowed column, one row after the other.

    Raises:
        ValueError: a broken matrix or list, a number that is not finite, or a system that is not positive definite in
            float32.
    """
    n = a.shape[0]
    indptr, indices, data = checked_csr(a)
    if a.shape[1] != n:
        raise ValueError(f"a {a.shape} must be square")
    allowed = checked_lists(allowed, n, n)
    pattern, columns = allowed.offset, allowed.item
    if not np.isfinite(data).all():
        raise ValueError("the matrix must hold finite numbers")
    if (np.diff(pattern) < 1).any() or not np.array_equal(columns[pattern[1:] - 1], np.arange(n)):
        raise ValueError("each row's own column must be the last that it is allowed")
    if not compiled.native:
        compiled.say_once()
        return inverse_rows_numpy(a, allowed)
    value = np.empty(len(columns), np.float32)
    compiled.module.inverse_rows(
        indptr, indices, data, pattern, columns, value, threads or compiled.default_threads()
    )  # fmt: skip
    return value


def inverse_rows_numpy(a: CSR, allowed: ItemLists) -> F32:
    """Do what `inverse_rows` does, row by row in float64."""
    value = np.empty(len(allowed.item), np.float32)
    for i in range(len(allowed)):
        part = a[allowed[i]][:, allowed[i]].toarray().astype(np.float64)  # (k, k)
        own = np.zeros(len(part))
        own[-1] = 1
        try:
            lower = np.linalg.cholesky(part)
        except np.linalg.LinAlgError:
            raise ValueError(f"the system of row {i} is not positive definite: raise the diagonal") from None
        at = slice(allowed.offset[i], allowed.offset[i + 1])
        value[at] = np.linalg.solve(lower.T, np.linalg.solve(lower, own))
    return value
