"""Non-negative matrix factorisation: interactions, and ratings where there are any, as sums of parts.

Lee, Seung, "Learning the Parts of Objects by Non-negative Matrix Factorization", Nature 401, 1999; fitted by coordinate
descent: Cichocki, Phan, "Fast Local Algorithms for Large Scale Nonnegative Matrix and Tensor Factorizations", IEICE
Trans. Fundamentals E92-A(3), 2009; of ratings, over those given: Luo, Zhou, Xia, Zhu, "An Efficient Non-Negative
Matrix-Factorization-Based Approach to Collaborative Filtering for Recommender Systems", IEEE TII 10(2), 2014.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from serendip.arrays import CSR, F32, I32, I64, columns_used
from serendip.data.dataset import Dataset
from serendip.kernels.gram import gram
from serendip.kernels.nonnegative import nonnegative_rows
from serendip.kernels.system import Systems
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.factors import FoldIn
from serendip.models.hyperparameter import hyper
from serendip.models.nonnegativeratings import NonnegativeRatings
from serendip.models.ratings import scale_of
from serendip.models.reconstruction import SWEEPS, Reconstruction, supported

FREQUENCY = 0.5  # nu: the penalty grows with the root of a row's interactions, so that one l2 suits data of any size


@dataclass(frozen=True)
class NMF(Algorithm):
    """min |X - P Q'|^2 + l2 (sum_u n_u^nu |p_u|^2 + sum_i n_i^nu |q_i|^2), P, Q >= 0, over all entries, zeros included.

    nu = 1/2. With ratings, beside that, for predicting them: the same over the entries given only, nu = 1.
    O(epochs (interactions rank + (n_users + n_items) rank^2)) time, O(interactions + (n_users + n_items) rank) memory.

    Use it where factors should be read as topics. Not where the best is wanted: als ranks better, svd predicts ratings
    better.

    >>> import serendip
    >>> item = "tent lamp rope axe".split() * 12 + "pen ink pad glue".split() * 8  # twelve campers, eight writers
    >>> model = serendip.NMF(rank=2).fit(serendip.read({"user": [n // 4 for n in range(80)], "item": item}))
    >>> topic = model.item_factors.argmax(axis=1)  # (n_items,)
    >>> model.items.series.filter(topic == topic[0]).to_list()
    ['tent', 'lamp', 'rope', 'axe']
    """

    name: ClassVar[str] = "nmf"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})

    rank: int = hyper(100, "Factors a user and an item.", low=1, high=2048, log=True)
    epochs: int = hyper(30, "Sweeps over all users and all items.", low=1, high=1000)
    l2: float = hyper(0.5, "Penalty on squared factors, times the root of the interactions.", low=0.0, high=1e4)
    rank_ratings: int = hyper(15, "Factors a user and an item, for ratings.", low=1, high=2048, log=True)
    epochs_ratings: int = hyper(12, "Sweeps over the ratings of all users and all items.", low=1, high=1000)
    l2_ratings: float = hyper(0.12, "Penalty on squared factors, at each rating.", low=0.0, high=10.0)

    def fit(self, data: Dataset, *, run: Run = Run()) -> Reconstruction:
        learnable(data, self.name)
        x = data.matrix  # (n_users, n_items)
        p, q = factorised(x, self.rank, self.epochs, self.l2, run, "nmf: interactions")
        known = columns_used(x)
        fold = FoldIn(self.l2, frequency=FREQUENCY)
        fitted, products = data.history.fingerprint(), gram(q, threads=run.threads)
        common = (data.users, data.items, data.fitted_rules, p, q, fitted, known, fold, products)
        if not data.rated.any():
            return Reconstruction(*common, nonnegative=True)
        r = data.ratings
        p, q = factorised(r, self.rank_ratings, self.epochs_ratings, self.l2_ratings, run, "nmf: ratings", given=True)
        n_user, n_item = np.diff(r.indptr), np.bincount(r.indices, minlength=data.n_items)
        q[n_item == 0] = average(q, n_item)
        return NonnegativeRatings(
            *common, nonnegative=True, parts=q, nothing=average(q, n_item), nobody=average(p, n_user),
            l2_ratings=self.l2_ratings, clip=scale_of(r),
        )  # fmt: skip

    def cost(self, size: Size) -> Cost:
        n = size.n_users + size.n_items
        factors = 4 * self.rank * (n + max(size.n_users, size.n_items)) + 4 * self.rank_ratings * n
        memory = factors + 1.5 * WEIGHT * size.pairs + 2.5 * WEIGHT * size.ratings
        epoch = 4 * size.pairs * self.rank + 2 * n * self.rank**2
        rated = 40 * size.ratings * self.rank_ratings * self.epochs_ratings  # slower steps: no zeros are passed over
        return Cost(memory, self.epochs * epoch + rated)


def factorised(
    x: CSR, rank: int, epochs: int, l2: float, run: Run, what: str, *, given: bool = False
) -> tuple[F32, F32]:
    """Return P and Q >= 0 near X, over all of its entries or over those given.  # (n, m) -> (n, rank), (m, rank)"""
    generator, rank = np.random.default_rng(run.seed), supported(rank, x)
    total = x.nnz if given else x.shape[0] * x.shape[1]
    scale = np.float32(2 * np.sqrt(x.data.mean() * x.nnz / max(total, 1) / rank))  # so that P Q' begins near X's mean
    p, q = (scale * generator.random((n, rank), np.float32) for n in x.shape)
    by_user, by_item = (Rows.of(m, l2, given) for m in (x, x.T.tocsr()))
    for epoch in range(epochs):
        by_user.descend(q, p, run.threads)
        by_item.descend(p, q, run.threads)
        run.report(what, epoch + 1, epochs)
    if not given:
        p[:] = 0
        by_user.descend(q, p, run.threads, sweeps=SWEEPS)  # so that a user's row is what folding in the history gives
    return p, q


@dataclass(frozen=True)
class Rows:
    """Rows of X, or of X': what of their least squares stays from sweep to sweep."""

    indptr: I64  # (n + 1,)
    indices: I32  # (nnz,)
    weight: F32  # (nnz,) 1 where only the entries given count, 0 where all do
    target: F32  # (nnz,)
    l2: F32  # (n,)
    given: bool

    @staticmethod
    def of(matrix: CSR, l2: float, given: bool) -> "Rows":
        n = np.diff(matrix.indptr).astype(np.float32)
        return Rows(
            matrix.indptr.astype(np.int64), matrix.indices, np.full(matrix.nnz, given, np.float32), matrix.data,
            np.float32(l2) * (n if given else n**FREQUENCY), given,
        )  # fmt: skip

    def descend(self, y: F32, x: F32, threads: int | None, sweeps: int = 1) -> None:
        """Descend on every row of x for fixed y, in place.  # (m, rank), (n, rank)"""
        products = np.zeros((y.shape[1], y.shape[1]), np.float32) if self.given else gram(y, threads=threads)
        systems = Systems(self.indptr, self.indices, self.weight, self.target, y, products, self.l2)
        nonnegative_rows(systems, x, sweeps=sweeps, threads=threads)


def average(rows: F32, count: I64) -> F32:
    """Return the mean row, weighed by the counts.  # (n, rank), (n,) -> (rank,)"""
    return np.asarray(count @ rows / count.sum(), np.float32)
