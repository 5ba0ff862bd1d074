"""The arguments of the kernels that solve a small system a row: what they must be, and as the kernels take them."""

import numpy as np

from serendip.arrays import F32, I32, I64
from serendip.kernels.csr import check_csr


def checked(
    indptr: I64, indices: I32, weight: F32, target: F32, y: F32, gram: F32, l2: F32, x: F32
) -> tuple[I64, I32, F32, F32, F32, F32, F32]:
    """Return all but x contiguous and of the right type.

    Raises:
        ValueError: shapes that do not fit, an index outside y, or an x that cannot be updated in place.
    """
    if x.dtype != np.float32 or not x.flags.c_contiguous or not x.flags.writeable or x.ndim != 2:
        raise ValueError("x must be a writeable C-contiguous float32 matrix: it is updated in place")
    n, rank = x.shape
    indptr = np.ascontiguousarray(indptr, np.int64)
    indices = np.ascontiguousarray(indices, np.int32)
    weight, target, y, gram, l2 = (np.ascontiguousarray(a, np.float32) for a in (weight, target, y, gram, l2))
    check_csr(indptr, indices, n, len(y))
    if weight.shape != indices.shape or target.shape != indices.shape:
        raise ValueError(
            f"indices {indices.shape}, weight {weight.shape} and target {target.shape} must be equally long"
        )
    if y.shape[1:] != (rank,) or gram.shape != (rank, rank) or l2.shape != (n,):
        raise ValueError(f"x {x.shape}, y {y.shape}, gram {gram.shape} and l2 {l2.shape} do not fit together")
    return indptr, indices, weight, target, y, gram, l2
