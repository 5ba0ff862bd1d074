"""One half-sweep of alternating least squares: every row's system, exactly, by conjugate gradients or block by block.

Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008, doi:10.1109/ICDM.2008.22.
Takács, Pilászy, Tikk: Applications of the Conjugate Gradient Method for Implicit Feedback Collaborative Filtering,
RecSys 2011, doi:10.1145/2043932.2043987.
Rendle, Krichene, Zhang, Koren: iALS++: Speeding up Matrix Factorization with Subspace Optimization, 2021,
arXiv:2110.14044.
"""

from typing import Literal, get_args

import numpy as np

from serendip.arrays import F32, I32, I64
from serendip.kernels import compiled
from serendip.kernels.system import Systems

Solver = Literal["cholesky", "cg", "subspace"]
SOLVERS = get_args(Solver)
CHECKED = 1 << 20  # values checked at once


def solve_rows(
    systems: Systems,
    x: F32,
    *,
    solver: Solver = "cholesky",
    steps: int = 3,
    block: int = 64,
    threads: int | None = None,
) -> None:
    """Solve each row's system; x is updated in place.

    With y the item factors, gram = y'y, weight = c - 1 and target = c this is equation 4 of Hu et al. 2008. With gram
    scaled by the weight of what was not observed it is the iALS of Rendle et al. 2022. A row without interactions
    becomes zeros. The result does not depend on the number of threads.

    Args:
        systems: of n rows.
        x: (n, rank) float32, C-contiguous; `cg` and `subspace` start from what it holds.
        solver: `cholesky` solves exactly, O(d rank^2 + rank^3) for a row of d interactions; `cg` by conjugate
            gradients, O(steps (d rank + rank^2)); `subspace` solves blocks of coordinates exactly, one after the other,
            O(d rank block + rank^2 + rank block^2).
        steps: of conjugate gradients.
        block: coordinates that `subspace` solves at once, rounded up to a multiple of 16; with all of them it is exact.
        threads: None means every core.

    Raises:
        ValueError: shapes that do not fit, an index outside y, a weight or target that is not finite, or a system that
            is not positive definite (`cg` does not notice).
    """
    if solver not in SOLVERS or block < 1 or steps < 0:
        raise ValueError(f"solver {solver!r} is one of {', '.join(SOLVERS)}; block {block} at least 1, "
                         f"steps {steps} at least 0")  # fmt: skip
    systems = systems.checked()
    systems.check_solution(x)
    check_finite(systems)
    if compiled.native:
        threads = threads or compiled.default_threads()
        compiled.module.als_solve_rows(*systems, x, solver, steps, block, threads)
    else:
        compiled.say_once()
        solve_rows_numpy(systems, x, solver=solver, steps=steps, block=block)


def check_finite(systems: Systems) -> None:
    """Raise ValueError where a weight or a target is NaN or infinite."""
    weight, target = systems.weight, systems.target
    if not (finite(weight) and (target is weight or finite(target))):
        raise ValueError("weight or target holds NaN or infinity")


def finite(values: F32) -> bool:
    """Return whether there is neither NaN nor infinity; a block at a time, so that no mask is as long as the values."""
    counts = (np.count_nonzero(np.isfinite(values[at : at + CHECKED])) for at in range(0, len(values), CHECKED))
    return sum(counts) == len(values)


def solve_rows_numpy(systems: Systems, x: F32, *, solver: Solver = "cholesky", steps: int = 3, block: int = 64) -> None:
    """Do what `solve_rows` does, row by row in NumPy."""
    for u in range(len(x)):
        y_u, a, b = system(systems, u)
        if not len(y_u):
            x[u] = 0
        elif solver != "cg":
            width = max(x.shape[1], 1) if solver == "cholesky" else -(-block // 16) * 16
            for j in range(0, x.shape[1], width):
                at = slice(j, j + width)
                try:
                    lower = np.linalg.cholesky(a[at, at])
                except np.linalg.LinAlgError:
                    raise ValueError(
                        f"the system of row {u} is not positive definite: "
                        "give a larger l2, and weights that are not negative"
                    ) from None
                rest = b[at] - a[at] @ x[u] + a[at, at] @ x[u, at]
                x[u, at] = np.linalg.solve(lower.T, np.linalg.solve(lower, rest))
        else:
            r = b - a @ x[u]
            d, rr = r.copy(), r @ r
            for _ in range(steps):
                if rr <= 1e-20:
                    break
                ad = a @ d
                alpha = rr / (d @ ad)
                x[u] += alpha * d
                r -= alpha * ad
                rr, before = r @ r, rr
                d = r + (rr / before) * d


def system(systems: Systems, u: int) -> tuple[F32, F32, F32]:
    """Return the factors of a row's interactions (d, rank), its matrix (rank, rank) and right-hand side (rank,)."""
    indptr, indices, weight, target, y, gram, l2 = systems
    row = slice(indptr[u], indptr[u + 1])
    y_u = y[indices[row]]
    a = gram + (y_u.T * weight[row]) @ y_u + l2[u] * np.eye(len(gram), dtype=np.float32)
    return y_u, a, target[row] @ y_u


def owed(systems: Systems, item: I32, of: I64, *, threads: int | None = None) -> F32:
    """Return what the scores y_i'x_u of items owe to each interaction j of their rows: target_uj y_i' A_u^-1 y_j.

    x_u is the exact solution of `solve_rows`, A_u its matrix (Hu et al. 2008, section 5).

    Args:
        systems: of n rows.
        item: (M,) rows of y.
        of: (M,) the row of each item; items of one row stand together.

    Returns:
        The interactions of the first item's row, then those of the second's, and so on: as many as of all the rows.

    Raises:
        ValueError: shapes that do not fit, an item or a row that there is not, a value that is not finite, or a system
            that is not positive definite.
    """
    systems = systems.checked()
    check_finite(systems)
    item, of = np.ascontiguousarray(item, np.int32), np.ascontiguousarray(of, np.int64)
    indptr, y, n = systems.indptr, systems.y, len(systems.l2)
    if item.shape != of.shape or item.ndim != 1:
        raise ValueError(f"item {item.shape} and of {of.shape} must be equally long")
    if len(item) and (item.min() < 0 or item.max() >= len(y) or of.min() < 0 or of.max() >= n):
        raise ValueError(f"item and of must be rows of y {y.shape} and of {n} histories")
    if not compiled.native:
        compiled.say_once()
        return owed_numpy(systems, item, of)
    out = np.empty((indptr[of + 1] - indptr[of]).sum(), np.float32)
    threads = threads or compiled.default_threads()
    compiled.module.als_owed(*systems, item, of, out, threads)
    return out


def owed_numpy(systems: Systems, item: I32, of: I64) -> F32:
    """Do what `owed` does, in NumPy."""
    parts = [np.empty(0, np.float32)]
    for cut in np.split(np.arange(len(of)), np.flatnonzero(of[1:] != of[:-1]) + 1) if len(of) else ():
        u = of[cut[0]]
        y_u, a, _ = system(systems, u)
        target = systems.target[systems.indptr[u] : systems.indptr[u + 1]]  # (d,)
        solved = np.linalg.solve(a, systems.y[item[cut]].T).T.astype(np.float32)  # (m, rank)
        parts.append((solved @ y_u.T * target).ravel())  # (m, d)
    return np.concatenate(parts)
