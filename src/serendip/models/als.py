"""Alternating least squares for implicit feedback.

Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008; the objective, its scaling
and the penalty by frequency as in Rendle, Krichene, Zhang, Koren, "Revisiting the Performance of iALS on Item
Recommendation Benchmarks", RecSys 2022, arXiv:2110.14037. Solvers: kernels/als.py.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from serendip.arrays import CSR, F32
from serendip.data.dataset import Dataset
from serendip.kernels.als import Solver, solve_rows
from serendip.kernels.gram import gram
from serendip.kernels.system import Systems
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.factors import Factors, FoldIn
from serendip.models.hyperparameter import hyper

NEAR = 3  # last sweeps over the users where each is not exact
EXACT = 256  # rank up to which exact solutions take little more time for the same objective
SEEN_TIMES = 16  # chosen on validation parts of ml-100k, ml-1m, online-retail and gowalla


@dataclass(frozen=True)
class ALS(Algorithm):
    """min sum_S w (1 - x_u y_i)^2 + w0 sum_all (x_u y_i)^2 + l2 (sum_u n_u^nu |x_u|^2 + sum_i n_i^nu |y_i|^2).

    S are the interactions, w what each weighs; n_u: how many u has, + w0 n_items; n_i likewise.
    O(epochs (|S| rank^2 + (n_users + n_items) rank^3)) time with exact solutions,
    O(epochs (|S| rank block + (n_users + n_items) rank (rank + block^2))) by subspaces, the default above 256 factors;
    O(|S| + (n_users + n_items) rank) memory.

    Use it for catalogues of any size; new users are folded in at once. Not where order matters.

    >>> import serendip
    >>> data = serendip.read({"user": list("aabbcc"), "item": "tent lamp lamp rope rope axe".split()})
    >>> als = serendip.ALS(rank=8).fit(data)
    >>> slates = serendip.recommend(als, data, ["a"]), serendip.recommend(als, data, history=[["tent", "lamp"]])
    >>> [slate["item_id"].to_list() for slate in slates]  # user a, and a newcomer with the same history
    [['rope', 'axe'], ['rope', 'axe']]
    """

    name: ClassVar[str] = "als"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history"})
    continues: ClassVar[bool] = True

    rank: int = hyper(64, "Factors a user and an item.", low=1, high=2048, log=True)
    epochs: int = hyper(12, "Sweeps over all users and all items.", low=1, high=200)
    l2: float = hyper(0.01, "Penalty on squared factors, times n^frequency.", low=1e-6, high=100.0, log=True)
    unobserved: float | None = hyper(
        None, "Weight w0 of every pair, seen or not; none: 16 times the share of pairs that are seen, at most 1.",
        low=1e-6, high=10.0, log=True, search=(1e-3, 1.0),
    )  # fmt: skip
    frequency: float = hyper(1.0, "Exponent nu by which the penalty grows with n.", low=0.0, high=2.0)
    damping: float = hyper(0.0, "Exponent by which interactions with popular items weigh less.", low=0.0, high=1.0)
    init_std: float = hyper(0.1, "Standard deviation of initial factors, times 1/sqrt(rank).", low=1e-4, high=1.0)
    solver: str = hyper(
        "auto", "How rows are solved: cholesky exactly, cg and subspace nearly; auto: cholesky to 256 factors, above "
        "that subspace, whose sweeps are far shorter.", choices=("auto", "cholesky", "cg", "subspace"),
    )  # fmt: skip
    steps: int = hyper(3, "Steps of cg a sweep.", low=1, high=100)
    block: int = hyper(64, "Factors that subspace solves at once, in multiples of 16.", low=16, high=2048)

    def fit(self, data: Dataset, *, run: Run = Run()) -> Factors:
        learnable(data, self.name)
        x_matrix, weight = data.matrix, damped(data.matrix, self.damping)  # (n_users, n_items), (n_items,)
        if weight is not None:
            x_matrix = x_matrix.copy()
            x_matrix.data *= weight[x_matrix.indices]
        y_matrix = x_matrix.T.tocsr()  # (n_items, n_users)
        start = run.start if isinstance(run.start, Factors) and run.start.rank == self.rank else None
        generator = np.random.default_rng(run.seed)
        scale = self.init_std / np.sqrt(self.rank)
        x, y = (
            (generator.standard_normal((n, self.rank), np.float32) * np.float32(scale))
            for n in (data.n_users, data.n_items)
        )  # (n_users, rank), (n_items, rank)
        if start is not None:
            y[: start.n_items] = start.item_factors[: data.n_items]
        w0 = weight_of_unobserved(x_matrix) if self.unobserved is None else self.unobserved
        fold = FoldIn(self.l2, w0, self.frequency)
        for epoch in range(self.epochs):
            self.sweep(x_matrix, y, x, fold, run)
            self.sweep(y_matrix, x, y, fold, run)
            run.report("als: epochs", epoch + 1, self.epochs)
        for _ in range(1 if self.kind == "cholesky" else NEAR):  # so that a user's row is what folding in gives
            self.sweep(x_matrix, y, x, fold, run)
        known = np.diff(y_matrix.indptr) > 0
        fitted = data.history.fingerprint()
        return Factors(
            data.users, data.items, data.fitted_rules, x, y, fitted, known, fold, w0 * gram(y), item_weight=weight
        )

    def cost(self, size: Size) -> Cost:
        n, rank = size.n_users + size.n_items, self.rank
        factors = 4 * rank * (n + max(size.n_users, size.n_items))  # with the draw that they begin as
        sweep = {
            "cholesky": 2 * size.pairs * rank**2 + n * rank**3 / 3 + 2 * size.pairs * rank,
            "cg": (self.steps + 1) * (40 * size.pairs * rank + 20 * n * rank**2),  # slower steps: they wait for memory
            "subspace": 2 * size.pairs * rank * (self.block + 4) + 10 * n * rank * (rank + self.block**2 / 3),
        }[self.kind]
        return Cost(factors + WEIGHT * size.pairs, (self.epochs + 0.5) * sweep)

    @property
    def kind(self) -> Solver:
        """The solver that is meant."""
        if self.solver == "cholesky" or (self.solver == "auto" and self.rank <= EXACT):
            return "cholesky"
        return "cg" if self.solver == "cg" else "subspace"

    def sweep(self, matrix: CSR, y: F32, x: F32, fold: FoldIn, run: Run) -> None:
        """Solve every row of x for fixed y, in place.  # (n, m), (m, rank), (n, rank)"""
        l2 = fold.penalty(np.diff(matrix.indptr).astype(np.float32), matrix.shape[1])
        products = np.float32(fold.unobserved) * gram(y, threads=run.threads)  # (rank, rank)
        indptr = matrix.indptr.astype(np.int64)
        systems = Systems(indptr, matrix.indices, matrix.data, matrix.data, y, products, l2)
        solve_rows(systems, x, solver=self.kind, steps=self.steps, block=self.block, threads=run.threads)


def weight_of_unobserved(matrix: CSR) -> float:
    """Return what every pair weighs where it is not said."""
    return min(SEEN_TIMES * matrix.nnz / (matrix.shape[0] * matrix.shape[1]), 1.0)


def damped(matrix: CSR, damping: float) -> F32 | None:
    """Return n_i^-damping, 1 in the mean over the interactions; None where all are 1.  # (n, m) -> (m,)"""
    if damping == 0:
        return None
    n = np.maximum(np.bincount(matrix.indices, minlength=matrix.shape[1]), 1)
    weight = n**-damping
    return np.asarray(weight / weight[matrix.indices].mean(), np.float32)
