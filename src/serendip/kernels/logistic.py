"""A step of logistic matrix factorisation: every row of one side up the gradient, the other side fixed.

Johnson, "Logistic Matrix Factorization for Implicit Feedback Data", NIPS workshop on distributed machine learning and
matrix computations, 2014; step sizes by Duchi, Hazan, Singer, "Adaptive Subgradient Methods", JMLR 12, 2011.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import expit

from serendip.arrays import CSR, F32, I64, rows_of
from serendip.kernels import compiled
from serendip.kernels.csr import checked_csr
from serendip.kernels.lines import LINE

CELLS = 4_000_000  # probabilities that the twin holds at once


class Compared(NamedTuple):
    """Fixed rows that stand for all of them, and for how many rows each of them stands."""

    row: I64  # (d,)
    each: F32  # (d,)


class Ascent(NamedTuple):
    """Length of a first step, penalty on squared factors, and their number: what stands behind them has no penalty."""

    learning_rate: float
    l2: float
    rank: int


def logistic_step(
    taken: CSR, x: F32, square: F32, y: F32, compared: Compared, fixed: int, ascent: Ascent, threads: int | None = None
) -> None:
    """Step every row of x up the gradient of the log-likelihood for given y, updating `x` and `square` in place.

    With s = x_u y_i the slope of row u is sum_taken w (1 - sigmoid(s)) y_i - sum_compared each sigmoid(s) y_j - l2 x_u;
    each factor is moved by learning_rate slope / sqrt(square), the sum of its squared slopes so far. O((nnz + n d)
    rank) time. The same for any number of threads.

    Args:
        taken: (n, m) how much more than once each pair that was taken counts.
        x: (n, width) float32, whole lines wide; square: of the same shape, 0 at first.
        y: (m, width).
        compared: rows of y that stand for all of them.
        fixed: column of x that stays as it is.
        ascent: step size, penalty and rank.
        threads: None means every core.

    Raises:
        ValueError: shapes that do not fit, indices out of range.
    """
    n, m = taken.shape
    indptr, indices, weight = checked_csr(taken)
    if x.shape != square.shape or (len(x), len(y)) != (n, m) or x.shape[1:] != y.shape[1:] or x.shape[1] % LINE:
        raise ValueError(f"x {x.shape}, square {square.shape} and y {y.shape} do not fit {taken.shape} or are no lines")
    if any(a.dtype != np.float32 or not a.flags.c_contiguous for a in (x, square, y)):
        raise ValueError("factors must be C-contiguous float32 arrays: they are updated in place")
    if compared.row.shape != compared.each.shape:
        raise ValueError(f"{compared.row.shape} rows are compared, which stand for {compared.each.shape}")
    if not 0 <= fixed < x.shape[1] or not 0 <= ascent.rank <= x.shape[1]:
        raise ValueError(f"there is no column {fixed}, or not {ascent.rank} of them, in rows of {x.shape[1]}")
    if not compiled.native:
        compiled.say_once()
        logistic_step_numpy(taken, x, square, y, compared, fixed, ascent)
        return
    each = np.ascontiguousarray(compared.each, np.float32)
    compiled.module.logistic_step(
        indptr, indices, weight, x, square, y, y[compared.row], each, ascent.rank, fixed, ascent.learning_rate,
        ascent.l2, threads or compiled.default_threads(),
    )  # fmt: skip


def logistic_step_numpy(
    taken: CSR, x: F32, square: F32, y: F32, compared: Compared, fixed: int, ascent: Ascent
) -> None:
    """Do what the kernel does, a block of rows at a time."""
    drawn, block = y[compared.row], max(1, CELLS // max(len(compared.row), 1))
    for begin in range(0, len(x), block):
        rows, part = slice(begin, begin + block), taken[begin : begin + block]
        row = rows_of(part)
        likely = expit(np.einsum("nf,nf->n", x[rows][row], y[part.indices]))  # (nnz,)
        pull = csr_matrix((part.data * (1 - likely), part.indices, part.indptr), shape=part.shape)
        slope = pull @ y - (expit(x[rows] @ drawn.T) * compared.each) @ drawn
        slope[:, : ascent.rank] -= np.float32(ascent.l2) * x[rows, : ascent.rank]
        slope[:, fixed] = 0
        square[rows] += slope**2
        x[rows] += np.float32(ascent.learning_rate) * slope / np.sqrt(square[rows] + np.float32(1e-8))
