"""Dense products of a sparse matrix with itself, for closed forms: X'X, and X' K X for a dense symmetric K."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from serendip.kernels import compiled
from serendip.kernels.csr import check_csr

Floats: TypeAlias = npt.NDArray[np.float32]
Items: TypeAlias = npt.NDArray[np.int32]
Offsets: TypeAlias = npt.NDArray[np.int64]


def sparse_gram(
    indptr: Offsets, indices: Items, value: Floats, n_columns: int, *, whole: bool = True, threads: int | None = None
) -> Floats:
    """Return X'X (n, n) of a sparse X (m, n), in O(sum of squared row lengths / 2) time.

    Beside the answer it needs 8 bytes an entry of X. Sums are float32, exact for counts up to 2^24; they do not depend
    on the threads.

    Args:
        indptr: (m+1,) where each row begins.
        indices: (nnz,) columns, in any order; entries of the same place are added up.
        value: (nnz,) finite.
        n_columns: n.
        whole: fill in the upper triangle too; otherwise what it holds is not defined (LAPACK reads one triangle).
        threads: None means every core.

    Raises:
        ValueError: no CSR matrix, or a value that is not finite.
    """
    indptr, indices, value = _canonical(indptr, indices, value, n_columns)
    if not compiled.native:
        compiled.say_once()
        return sparse_gram_numpy(indptr, indices, value, n_columns)
    threads = threads or compiled.default_threads()
    out = np.empty((n_columns, n_columns), np.float32)
    compiled.module.gram_lower(indptr, indices, None if (value == 1).all() else value, out, threads)
    if whole:
        mirror(out, threads=threads)
    return out


def sandwich(
    indptr: Offsets,
    indices: Items,
    value: Floats,
    k: Floats,
    n_columns: int,
    *,
    whole: bool = True,
    threads: int | None = None,
) -> Floats:
    """Return X' K X (n, n) of a sparse X (m, n), m <= n, and a symmetric K (m, m), in O(nnz (m + n / 2)) time.

    Beside the answer it needs 12 bytes an entry of X and 256 m bytes a thread. Arguments and errors as `sparse_gram`.
    """
    m = len(indptr) - 1
    indptr, indices, value = _canonical(indptr, indices, value, n_columns)
    k = np.ascontiguousarray(k, np.float32)
    if k.shape != (m, m) or m > n_columns:
        raise ValueError(f"k {k.shape} must be ({m}, {m}), and X have no more rows than its {n_columns} columns")
    if not compiled.native:
        compiled.say_once()
        return sandwich_numpy(indptr, indices, value, k, n_columns)
    threads = threads or compiled.default_threads()
    out = np.empty((n_columns, n_columns), np.float32)
    compiled.module.sandwich_lower(indptr, indices, None if (value == 1).all() else value, k, out, threads)
    if whole:
        mirror(out, threads=threads)
    return out


def mirror(a: Floats, *, threads: int | None = None) -> None:
    """Copy the lower triangle of a square matrix over its upper one, in place."""
    if a.dtype != np.float32 or a.ndim != 2 or a.shape[0] != a.shape[1] or not a.flags.c_contiguous:
        raise ValueError("a must be a square C-contiguous float32 matrix: it is changed in place")
    if not compiled.native:
        compiled.say_once()
        mirror_numpy(a)
        return
    compiled.module.mirror(a, threads or compiled.default_threads())


def sparse_gram_numpy(indptr: Offsets, indices: Items, value: Floats, n_columns: int) -> Floats:
    """Do what `sparse_gram` does, by SciPy's sparse product."""
    x = csr_matrix((value, indices, indptr), shape=(len(indptr) - 1, n_columns))
    return np.asarray((x.T @ x).toarray(), np.float32)


def sandwich_numpy(indptr: Offsets, indices: Items, value: Floats, k: Floats, n_columns: int) -> Floats:
    """Do what `sandwich` does, by SciPy's product of a sparse and a dense matrix."""
    x = csr_matrix((value, indices, indptr), shape=(len(indptr) - 1, n_columns))
    return np.asarray((x.T @ k) @ x, np.float32)


def mirror_numpy(a: Floats) -> None:
    """Do what `mirror` does, row by row."""
    for i in range(len(a)):
        a[i, i:] = a[i:, i]


def _canonical(indptr: Offsets, indices: Items, value: Floats, n_columns: int) -> tuple[Offsets, Items, Floats]:
    """Return the arrays with each row ascending and no place named twice: themselves where they are so already."""
    indptr, indices = np.ascontiguousarray(indptr, np.int64), np.ascontiguousarray(indices, np.int32)
    value = np.ascontiguousarray(value, np.float32)
    check_csr(indptr, indices, len(indptr) - 1, n_columns)
    if value.shape != indices.shape:
        raise ValueError(f"value {value.shape} and indices {indices.shape} must be equally long")
    if not np.isfinite(value).all():
        raise ValueError("value holds NaN or infinity")
    rises = np.diff(indices) > 0
    begins = indptr[1:-1]
    rises[begins[(begins > 0) & (begins < len(indices))] - 1] = True
    if rises.all():
        return indptr, indices, value
    x = csr_matrix((value.copy(), indices.copy(), indptr.copy()), shape=(len(indptr) - 1, n_columns))
    x.sum_duplicates()
    return x.indptr.astype(np.int64), x.indices.astype(np.int32), x.data
