"""Gram matrices: X'X of a dense or a sparse X, and X' K X of a sparse X and a dense symmetric K."""

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, I64
from serendip.kernels import compiled
from serendip.kernels.csr import checked_csr


def gram(y: F32, *, threads: int | None = None) -> F32:
    """Return y'y (rank, rank) for y (m, rank), float32 in blocks and float64 across them, whatever the threads.

    Raises:
        ValueError: y is no matrix.
    """
    y = np.ascontiguousarray(y, np.float32)
    if y.ndim != 2:
        raise ValueError(f"y must be a matrix, not of shape {y.shape}")
    if not compiled.native:
        compiled.say_once()
        return gram_numpy(y)
    out = np.empty((y.shape[1], y.shape[1]), np.float32)
    compiled.module.als_gram(y, out, threads or compiled.default_threads())
    return out


def sparse_gram(x: CSR, *, whole: bool = True, threads: int | None = None) -> F32:
    """Return X'X (n, n) of a sparse X (m, n), in O(sum of squared row lengths / 2) time.

    Beside the answer it needs 8 bytes an entry of X. Sums are float32, exact for counts up to 2^24; they do not depend
    on the threads.

    Args:
        x: X (m, n), finite; columns may be in any order, and numbers of the same place are added up.
        whole: fill in the upper triangle too; otherwise what it holds is not defined (LAPACK reads one triangle).
        threads: None means every core.

    Raises:
        ValueError: a broken CSR matrix, or a value that is not finite.
    """
    indptr, indices, value = _canonical(x)
    if not compiled.native:
        compiled.say_once()
        return sparse_gram_numpy(x)
    threads = threads or compiled.default_threads()
    out = np.empty((x.shape[1], x.shape[1]), np.float32)
    compiled.module.gram_lower(indptr, indices, None if (value == 1).all() else value, out, threads)
    if whole:
        mirror(out, threads=threads)
    return out


def sandwich(x: CSR, k: F32, *, whole: bool = True, threads: int | None = None) -> F32:
    """Return X' K X (n, n) of a sparse X (m, n), m <= n, and a symmetric K (m, m), in O(nnz (m + n / 2)) time.

    Beside the answer it needs 12 bytes an entry of X and 256 m bytes a thread. Arguments and errors as `sparse_gram`.
    """
    m, n = x.shape
    indptr, indices, value = _canonical(x)
    k = np.ascontiguousarray(k, np.float32)
    if k.shape != (m, m) or m > n:
        raise ValueError(f"k {k.shape} must be ({m}, {m}), and X have no more rows than its {n} columns")
    if not compiled.native:
        compiled.say_once()
        return sandwich_numpy(x, k)
    threads = threads or compiled.default_threads()
    out = np.empty((n, n), np.float32)
    compiled.module.sandwich_lower(indptr, indices, None if (value == 1).all() else value, k, out, threads)
    if whole:
        mirror(out, threads=threads)
    return out


def mirror(a: F32, *, threads: int | None = None) -> None:
    """Copy the lower triangle of a square matrix over its upper one, in place."""
    if a.dtype != np.float32 or a.ndim != 2 or a.shape[0] != a.shape[1] or not a.flags.c_contiguous:
        raise ValueError("a must be a square C-contiguous float32 matrix: it is changed in place")
    if not compiled.native:
        compiled.say_once()
        mirror_numpy(a)
        return
    compiled.module.mirror(a, threads or compiled.default_threads())


def gram_numpy(y: F32) -> F32:
    """Do what `gram` does, in float64."""
    wide = y.astype(np.float64)
    return (wide.T @ wide).astype(np.float32)


def sparse_gram_numpy(x: CSR) -> F32:
    """Do what `sparse_gram` does, by SciPy's sparse product."""
    return np.ascontiguousarray((x.T @ x).toarray(), np.float32)


def sandwich_numpy(x: CSR, k: F32) -> F32:
    """Do what `sandwich` does, by SciPy's product of a sparse and a dense matrix."""
    return np.ascontiguousarray((x.T @ k) @ x, np.float32)


def mirror_numpy(a: F32) -> None:
    """Do what `mirror` does, row by row."""
    for i in range(len(a)):
        a[i, i:] = a[i:, i]


def _canonical(x: CSR) -> tuple[I64, I32, F32]:
    """Return the arrays with each row ascending and no place named twice: themselves where they are so already."""
    indptr, indices, value = checked_csr(x)
    if not np.isfinite(value).all():
        raise ValueError("value holds NaN or infinity")
    rises = np.diff(indices) > 0
    begins = indptr[1:-1]
    rises[begins[(begins > 0) & (begins < len(indices))] - 1] = True
    if rises.all():
        return indptr, indices, value
    x = csr_matrix((value.copy(), indices.copy(), indptr.copy()), shape=x.shape)
    x.sum_duplicates()
    return x.indptr.astype(np.int64), x.indices.astype(np.int32), x.data
