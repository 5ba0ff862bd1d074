"""One half-sweep of alternating least squares: every row's system, exactly, by conjugate gradients or block by block.

Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008, doi:10.1109/ICDM.2008.22.
Takács, Pilászy, Tikk: Applications of the Conjugate Gradient Method for Implicit Feedback Collaborative Filtering,
RecSys 2011, doi:10.1145/2043932.2043987.
Rendle, Krichene, Zhang, Koren: iALS++: Speeding up Matrix Factorization with Subspace Optimization, 2021,
arXiv:2110.14044.
"""

from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from serendip.kernels import compiled
from serendip.kernels.system import checked

Floats: TypeAlias = npt.NDArray[np.float32]
Solver = Literal["cholesky", "cg", "subspace"]
SOLVERS = get_args(Solver)
CHECKED = 1 << 20  # values checked at once


def solve_rows(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weight: Floats,
    target: Floats,
    y: Floats,
    gram: Floats,
    l2: Floats,
    x: Floats,
    *,
    solver: Solver = "cholesky",
    steps: int = 3,
    block: int = 64,
    threads: int | None = None,
) -> None:
    """Solve (gram + sum_i weight_ui y_i y_i' + l2_u I) x_u = sum_i target_ui y_i for each row u; x is updated in place.

    With y the item factors, gram = y'y, weight = c - 1 and target = c this is equation 4 of Hu et al. 2008. With gram
    scaled by the weight of what was not observed it is the iALS of Rendle et al. 2022. A row without interactions
    becomes zeros. The result does not depend on the number of threads.

    Args:
        indptr: (n+1,) where each row's interactions begin in indices, weight and target.
        indices: (nnz,) rows of y.
        weight: (nnz,) factor of y_i y_i', not negative.
        target: (nnz,) factor of y_i on the right-hand side.
        y: (m, rank) the fixed factors.
        gram: (rank, rank) what is common to all rows, symmetric.
        l2: (n,) each row's regularisation.
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
    indptr, indices, weight, target, y, gram, l2 = checked(indptr, indices, weight, target, y, gram, l2, x)
    if not (finite(weight) and (target is weight or finite(target))):
        raise ValueError("weight or target holds NaN or infinity")
    if compiled.native:
        threads = threads or compiled.default_threads()
        compiled.module.als_solve_rows(indptr, indices, weight, target, y, gram, l2, x, solver, steps, block, threads)
    else:
        compiled.say_once()
        solve_rows_numpy(indptr, indices, weight, target, y, gram, l2, x, solver=solver, steps=steps, block=block)


def finite(values: Floats) -> bool:
    """Return whether there is neither NaN nor infinity; a block at a time, so that no mask is as long as the values."""
    counts = (np.count_nonzero(np.isfinite(values[at : at + CHECKED])) for at in range(0, len(values), CHECKED))
    return sum(counts) == len(values)


def solve_rows_numpy(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weight: Floats,
    target: Floats,
    y: Floats,
    gram: Floats,
    l2: Floats,
    x: Floats,
    *,
    solver: Solver = "cholesky",
    steps: int = 3,
    block: int = 64,
) -> None:
    """Do what `solve_rows` does, row by row in NumPy."""
    for u in range(len(x)):
        row = slice(indptr[u], indptr[u + 1])
        y_u = y[indices[row]]  # (d, rank)
        a = gram + (y_u.T * weight[row]) @ y_u + l2[u] * np.eye(x.shape[1], dtype=np.float32)  # (rank, rank)
        b = target[row] @ y_u  # (rank,)
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


def owed(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weight: Floats,
    target: Floats,
    y: Floats,
    gram: Floats,
    l2: Floats,
    item: npt.NDArray[np.int32],
    of: npt.NDArray[np.int64],
    threads: int | None = None,
) -> Floats:
    """Return what the scores y_i'x_u of items owe to each interaction j of their rows: target_uj y_i' A_u^-1 y_j.

    x_u is the exact solution of `solve_rows`, A_u its matrix (Hu et al. 2008, section 5).

    Args:
        indptr, indices, weight, target, y, gram, l2: as `solve_rows` takes them.
        item: (M,) rows of y.
        of: (M,) the row of each item; items of one row stand together.

    Returns:
        The interactions of the first item's row, then those of the second's, and so on: as many as of all the rows.

    Raises:
        ValueError: shapes that do not fit, an item or a row that there is not, a value that is not finite, or a system
            that is not positive definite.
    """
    n = len(l2)
    none = np.empty((n, y.shape[1]), np.float32)
    indptr, indices, weight, target, y, gram, l2 = checked(indptr, indices, weight, target, y, gram, l2, none)
    item, of = np.ascontiguousarray(item, np.int32), np.ascontiguousarray(of, np.int64)
    if not (finite(weight) and finite(target)):
        raise ValueError("weight or target holds NaN or infinity")
    if item.shape != of.shape or item.ndim != 1:
        raise ValueError(f"item {item.shape} and of {of.shape} must be equally long")
    if len(item) and (item.min() < 0 or item.max() >= len(y) or of.min() < 0 or of.max() >= n):
        raise ValueError(f"item and of must be rows of y {y.shape} and of {n} histories")
    if not compiled.native:
        compiled.say_once()
        return owed_numpy(indptr, indices, weight, target, y, gram, l2, item, of)
    out = np.empty((indptr[of + 1] - indptr[of]).sum(), np.float32)
    threads = threads or compiled.default_threads()
    compiled.module.als_owed(indptr, indices, weight, target, y, gram, l2, item, of, out, threads)
    return out


def owed_numpy(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    weight: Floats,
    target: Floats,
    y: Floats,
    gram: Floats,
    l2: Floats,
    item: npt.NDArray[np.int32],
    of: npt.NDArray[np.int64],
) -> Floats:
    """Do what `owed` does, in NumPy."""
    parts = [np.empty(0, np.float32)]
    for cut in np.split(np.arange(len(of)), np.flatnonzero(of[1:] != of[:-1]) + 1) if len(of) else ():
        u = of[cut[0]]
        row = slice(indptr[u], indptr[u + 1])
        y_u = y[indices[row]]  # (d, rank)
        a = gram + (y_u.T * weight[row]) @ y_u + l2[u] * np.eye(y.shape[1], dtype=np.float32)
        parts.append(((np.linalg.solve(a, y[item[cut]].T).T @ y_u.T) * target[row]).ravel())  # (m, d)
    return np.concatenate(parts).astype(np.float32, copy=False)


def gram(y: Floats, threads: int | None = None) -> Floats:
    """Return y'y (rank, rank) for y (m, rank), float32 in blocks and float64 across them, whatever the threads."""
    y = np.ascontiguousarray(y, np.float32)
    if y.ndim != 2:
        raise ValueError(f"y must be a matrix, not of shape {y.shape}")
    if not compiled.native:
        compiled.say_once()
        return gram_numpy(y)
    out = np.empty((y.shape[1], y.shape[1]), np.float32)
    compiled.module.als_gram(y, out, threads or compiled.default_threads())
    return out


def gram_numpy(y: Floats) -> Floats:
    """Do what `gram` does, in float64."""
    wide = y.astype(np.float64)
    return (wide.T @ wide).astype(np.float32)
