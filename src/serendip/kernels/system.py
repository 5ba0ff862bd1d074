"""The small systems that a sweep of a factorisation solves, one a row: what they hold, and as the kernels take them."""

from typing import NamedTuple

import numpy as np

from serendip.arrays import F32, I32, I64
from serendip.kernels.csr import check_csr


class Systems(NamedTuple):
    """(gram + sum_i weight_ui y_i y_i' + l2_u I) x_u = sum_i target_ui y_i for each of n rows u.

    indptr (n+1,) int64: where each row's interactions begin in indices, weight and target. indices (nnz,): rows of y.
    weight (nnz,): factor of y_i y_i', not negative. target (nnz,): factor of y_i on the right-hand side. y (m, rank):
    the fixed factors. gram (rank, rank): what is common to all rows, symmetric. l2 (n,): each row's regularisation.
    """

    indptr: I64
    indices: I32
    weight: F32
    target: F32
    y: F32
    gram: F32
    l2: F32

    def checked(self) -> "Systems":
        """Return the same in contiguous arrays of the right types.

        Raises:
            ValueError: shapes that do not fit, or an index outside y.
        """
        indptr, indices = np.ascontiguousarray(self.indptr, np.int64), np.ascontiguousarray(self.indices, np.int32)
        weight, target, y, gram, l2 = (np.ascontiguousarray(a, np.float32) for a in self[2:])
        check_csr(indptr, indices, len(l2), len(y))
        if weight.shape != indices.shape or target.shape != indices.shape:
            raise ValueError(
                f"indices {indices.shape}, weight {weight.shape} and target {target.shape} must be equally long"
            )
        if y.ndim != 2 or l2.ndim != 1 or gram.shape != (y.shape[1], y.shape[1]):
            raise ValueError(f"y {y.shape}, gram {gram.shape} and l2 {l2.shape} do not fit together")
        return Systems(indptr, indices, weight, target, y, gram, l2)

    def check_solution(self, x: F32) -> None:
        """Raise ValueError where x (n, rank) cannot be updated in place by the solutions."""
        if x.dtype != np.float32 or not x.flags.c_contiguous or not x.flags.writeable or x.ndim != 2:
            raise ValueError("x must be a writeable C-contiguous float32 matrix: it is updated in place")
        if x.shape != (len(self.l2), self.y.shape[1]):
            raise ValueError(f"x {x.shape}, y {self.y.shape} and l2 {self.l2.shape} do not fit together")
