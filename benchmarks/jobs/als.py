"""Alternating least squares beside implicit: one iteration, both sides, from the same factors; folding a user in."""

from functools import partial

import numpy as np
from scipy.sparse import csr_matrix

from jobs.job import THREADS, Job, Ready, Side, Work
from jobs.sets import dataset, gowalla, large
from serendip.kernels.als import solve_rows
from serendip.kernels.gram import gram
from serendip.kernels.system import Systems
from serendip.models.als import ALS
from serendip.models.contract import Run

RANK, L2, STEPS = 64, 0.01, 3


def start(x: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Return the factors that both begin with.  # (n_users, rank), (n_items, rank)"""
    random = np.random.default_rng(0)
    p, q = (random.standard_normal((n, RANK), np.float32) * np.float32(0.1) for n in x.shape)
    return p, q


def work(x: csr_matrix, solver: str) -> Work:
    n, nnz, f = sum(x.shape), x.nnz, RANK
    exact = 2 * nnz * (f * f + 2 * f) + n * (f**3 / 3 + 2 * f * f) + 2 * n * f * f
    steps = 2 * (STEPS + 1) * (4 * nnz * f + 2 * n * f * f) + 2 * n * f * f
    return Work(exact if solver == "cholesky" else steps, gathered=2.0 * nnz * f * 4, spread=max(x.shape) * f * 4)


def ours(load, solver: str) -> Ready:
    x = load()
    y = x.T.tocsr()
    p, q = start(x)
    sides = [(m.indptr.astype(np.int64), m.indices, m.data, np.full(m.shape[0], L2, np.float32)) for m in (x, y)]

    def run(turn: int) -> None:
        for (indptr, indices, data, l2), fixed, mine in zip(sides, (q, p), (p, q), strict=True):
            systems = Systems(indptr, indices, data, data, fixed, gram(fixed, threads=THREADS), l2)
            solve_rows(systems, mine, solver=solver, steps=STEPS, threads=THREADS)

    data = dataset(x)
    algorithm = ALS(rank=RANK, epochs=1, solver=solver, steps=STEPS, l2=L2)
    return Ready(run, fit=lambda: algorithm.fit(data, run=Run(threads=THREADS)), work=work(x, solver))


def theirs(load, solver: str) -> Ready:
    from implicit.als import AlternatingLeastSquares

    x = load()
    y = x.T.tocsr()
    p, q = start(x)
    model = AlternatingLeastSquares(factors=RANK, regularization=L2, use_cg=solver == "cg", iterations=1,
                                    num_threads=THREADS)  # fmt: skip
    model.cg_steps = STEPS

    def run(turn: int) -> None:
        model.solver(x, p, q, L2, num_threads=THREADS)
        model.solver(y, q, p, L2, num_threads=THREADS)

    return Ready(run, fit=lambda: model.fit(x, show_progress=False))


def fold_ours(load) -> Ready:
    data = dataset(load())
    model = ALS(rank=RANK, epochs=2, l2=L2).fit(data, run=Run(threads=THREADS))
    history = chosen(load())
    weights = np.asarray(history.data)

    def run(turn: int) -> None:
        for _ in range(100):
            model.folded(history, weights)

    return Ready(run, calls=100)


def fold_theirs(load) -> Ready:
    from implicit.als import AlternatingLeastSquares

    x = load()
    model = AlternatingLeastSquares(factors=RANK, regularization=L2, iterations=2, num_threads=THREADS)
    model.fit(x, show_progress=False)
    history = chosen(x)

    def run(turn: int) -> None:
        for _ in range(10):
            model._YtY = None  # it is made anew after every change of the items
            model.recalculate_user(0, history)

    return Ready(run, calls=10)


def chosen(x: csr_matrix) -> csr_matrix:
    """Return the history of a user with about 100 items."""
    return x[int(np.argmin(np.abs(np.diff(x.indptr) - 100)))]


GATHER = "Rows are small: the arithmetic of a row waits for its gathered factors, and both are paid for in turn."

JOBS = [
    Job(f"ALS, one iteration, {words}, {RANK} factors, {where}",
        Side(partial(ours, load, solver)), {"implicit": Side(partial(theirs, load, solver))},
        {"implicit": bar}, turns, GATHER)
    for solver, words, where, load, bar, turns in (
        ("cg", "CG, 3 steps", "gowalla", gowalla, 3.0, 5),
        ("cg", "CG, 3 steps", "21M", large, 3.8, 5),
        ("cholesky", "Cholesky", "gowalla", gowalla, 3.2, 5),
        ("cholesky", "Cholesky", "21M", large, 6.0, 3),
    )
] + [
    Job("fold-in of one user, 100 items, 64 factors, gowalla", Side(partial(fold_ours, gowalla)),
        {"implicit": Side(partial(fold_theirs, gowalla))}, {"implicit": 100.0}),
]  # fmt: skip
