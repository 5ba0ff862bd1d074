"""One half-sweep of non-negative matrix factorisation: every row's non-negative least squares by coordinate descent.

Cichocki, Phan: Fast Local Algorithms for Large Scale Nonnegative Matrix and Tensor Factorizations, IEICE Trans.
Fundamentals E92-A(3), 2009 (HALS, whose update of a factor this is, row by row). Hsieh, Dhillon: Fast Coordinate
Descent Methods with Variable Selection for Non-negative Matrix Factorization, KDD 2011, doi:10.1145/2020408.2020577.
"""

import numpy as np

from serendip.arrays import F32
from serendip.kernels import compiled
from serendip.kernels.system import Systems


def nonnegative_rows(
    systems: Systems,
    x: F32,
    *,
    sweeps: int = 1,
    tolerance: float = 1e-5,
    threads: int | None = None,
) -> None:
    """Descend on x_u' (gram + sum_i weight_ui y_i y_i' + l2_u I) x_u / 2 - x_u' sum_i target_ui y_i for x_u >= 0.

    Each row u on its own, in place, from what x holds. With weight 0, target the values of a sparse matrix and gram =
    y'y this is least squares on all of its entries, zeros included; with weight 1 and gram 0 on the stored ones only.
    A row without entries becomes zeros. The result does not depend on the number of threads.

    O(d rank + sweeps rank^2) for a row of d entries, and O(d rank^2) more where there are weights.

    Args:
        systems: of n rows; gram positive semi-definite, l2 not negative.
        x: (n, rank) float32, C-contiguous, not negative.
        sweeps: passes over the factors of a row, at most.
        tolerance: stop where no factor of a row moves by more than this times its largest.
        threads: None means every core.

    Raises:
        ValueError: shapes that do not fit, an index outside y, or a value that is not finite or out of bounds.
    """
    systems = systems.checked()
    systems.check_solution(x)
    for name, part in (("weight", systems.weight), ("l2", systems.l2), ("x", x)):
        if part.size and not (part.min() >= 0 and part.max() < np.inf):  # NaN fails the first
            raise ValueError(f"{name} must hold finite numbers of 0 or more")
    if not np.isfinite(systems.target).all():
        raise ValueError("target must hold finite numbers")
    if compiled.native:
        threads = threads or compiled.default_threads()
        compiled.module.nonnegative_rows(*systems, x, sweeps, tolerance, threads)
    else:
        compiled.say_once()
        nonnegative_rows_numpy(systems, x, sweeps=sweeps, tolerance=tolerance)


def nonnegative_rows_numpy(systems: Systems, x: F32, *, sweeps: int = 1, tolerance: float = 1e-5) -> None:
    """Do what `nonnegative_rows` does, row by row in NumPy."""
    indptr, indices, weight, target, y, gram, l2 = systems
    for u in range(len(x)):
        row = slice(indptr[u], indptr[u + 1])
        y_u = y[indices[row]]  # (d, rank)
        if not len(y_u):
            x[u] = 0
            continue
        a = gram + (y_u.T * weight[row]) @ y_u  # (rank, rank)
        gradient = x[u] @ a - target[row] @ y_u  # (rank,), without l2
        for _ in range(sweeps):
            change = 0.0
            for f in range(x.shape[1]):
                own = a[f, f]
                value = np.float32(max(0.0, (own * x[u, f] - gradient[f]) / (own + l2[u]))) if own + l2[u] > 0 else 0
                step = value - x[u, f]
                x[u, f] = value
                gradient += step * a[f]
                change = max(change, abs(step))
            if change <= tolerance * x[u].max(initial=0):
                break
