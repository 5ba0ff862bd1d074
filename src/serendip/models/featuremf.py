"""Matrix factorisation for implicit feedback with attributes of users and items, so that newcomers have factors too.

The attributes are priors of the factors, as in Agarwal, Chen, "Regression-based Latent Factor Models", KDD 2009,
doi:10.1145/1557019.1557029, with the loss and the penalty of Rendle, Krichene, Zhang, Koren, "Revisiting the
Performance of iALS on Item Recommendation Benchmarks", RecSys 2022, arXiv:2110.14037; what it is for is what Kula,
"Metadata Embeddings for User and Item Cold-start Recommendations", 2015, arXiv:1507.08439, is for.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import polars as pl
from scipy.sparse import diags

from serendip.arrays import CSR, F32
from serendip.data.dataset import Dataset
from serendip.kernels.gram import gram
from serendip.models.als import weight_of_unobserved
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.encoder import Encoder
from serendip.models.factors import FoldIn
from serendip.models.featurefactors import WEIGHTS, FeatureFactors, Leaning, solve_near
from serendip.models.hyperparameter import hyper

STEPS = 15  # of conjugate gradients, from the coefficients of the sweep before


@dataclass(frozen=True)
class FeatureMF(Algorithm):
    """min sum_S w_ui (1 - x_u y_i)^2 + w0 sum (x_u y_i)^2 + l2 (sum_u n_u^nu |x_u - f_u B|^2 + the same of i).

    B and C are penalised too; S are the interactions, f the attributes beside a 1, n and w0 as in als.
    In the end n/(n + shrinkage) of x_u - f_u B and of y_i - f_i C stays.
    O(epochs (|S| rank^2 + (n_users + n_items) rank^3)) time, O(|S| + (n_users + n_items) rank) memory.

    Use it in place of als where users or items have attributes: what is new is served from its first moment, and few
    events go further. Not without attributes: then it is als with a mean user, who answers for those of whom nothing is
    known.

    >>> import serendip
    >>> films = {"item": "alien heidi dune lassie solaris".split(), "genres": "space alps space alps space".split()}
    >>> people = {"user": range(41), "age": ["old", "young"] * 20 + ["old"]}  # user 40 and solaris have no events
    >>> data = serendip.read({"user": range(40), "item": films["item"][:4] * 10}, items=films, users=people)
    >>> sorted(serendip.recommend(serendip.FeatureMF(rank=4).fit(data), data, users=[40], k=3)["item_id"])
    ['alien', 'dune', 'solaris']
    """

    name: ClassVar[str] = "featuremf"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history", "item_features", "user_features"})

    rank: int = hyper(64, "Factors a user and an item.", low=1, high=512, log=True)
    epochs: int = hyper(12, "Sweeps over all users and all items.", low=1, high=200)
    l2: float = hyper(0.01, "Penalty on the distance to what the attributes say, times n^frequency.", low=1e-6,
                      high=100.0, log=True)  # fmt: skip
    l2_features: float = hyper(10.0, "Penalty on the squared coefficients of attributes.", low=1e-6, high=1e6, log=True)
    unobserved: float | None = hyper(
        None, "Weight w0 of every pair, seen or not; none: 16 times the share of pairs that are seen, at most 1.",
        low=1e-6, high=10.0, log=True,
    )  # fmt: skip
    frequency: float = hyper(1.0, "Exponent nu by which the penalty grows with n.", low=0.0, high=2.0)
    shrinkage_users: float = hyper(
        1.0, "Interactions at which a user's own factors count as much as what the attributes say.", low=0.0, high=1e4,
        search=(0.0, 20.0),
    )  # fmt: skip
    shrinkage_items: float = hyper(
        10.0, "Interactions at which an item's own factors count as much as what the attributes say.", low=0.0,
        high=1e4, search=(0.0, 100.0),
    )  # fmt: skip
    init_std: float = hyper(0.1, "Standard deviation of initial factors, times 1/sqrt(rank).", low=1e-4, high=1.0)

    def fit(self, data: Dataset, *, run: Run = Run()) -> FeatureFactors:
        learnable(data, self.name)
        by_user = data.matrix  # (n_users, n_items)
        by_item = by_user.T.tocsr()  # (n_items, n_users)
        generator = np.random.default_rng(run.seed)
        scale = np.float32(self.init_std / np.sqrt(self.rank))
        x, y = (generator.standard_normal((n, self.rank), np.float32) * scale for n in by_user.shape)
        w0 = weight_of_unobserved(by_user) if self.unobserved is None else self.unobserved
        fold = FoldIn(self.l2, w0, self.frequency)
        users = leaning(data.user_features, self.rank, self.shrinkage_users)
        items = leaning(data.item_features, self.rank, self.shrinkage_items)
        f_user = users.features(data.user_features, data.n_users)
        f_item = items.features(data.item_features, data.n_items)
        for epoch in range(self.epochs):
            self.sweep(by_user, f_user, users, y, x, fold, run)
            users = self.led(users, f_user, x, by_user, fold)
            self.sweep(by_item, f_item, items, x, y, fold, run)
            items = self.led(items, f_item, y, by_item, fold)
            run.report(f"{self.name}: epochs", epoch + 1, self.epochs)
        known = (np.diff(by_item.indptr) > 0) | (np.diff(f_item.indptr) > 1)
        y = items.shrunk(y, np.asarray(f_item @ items.coefficients), np.diff(by_item.indptr))
        self.sweep(by_user, f_user, users, y, x, fold, run)  # so that a user's row is what folding in gives
        x = users.shrunk(x, np.asarray(f_user @ users.coefficients), np.diff(by_user.indptr))
        return FeatureFactors(
            data.users, data.items, data.fitted_rules, x, y, data.history.fingerprint(), known, fold,
            np.float32(w0) * gram(y), user_leaning=users, item_leaning=items,
        )  # fmt: skip

    def cost(self, size: Size) -> Cost:
        n, rank = size.n_users + size.n_items, self.rank
        near = rank * max(size.n_users, size.n_items)  # the penalty as interactions
        sweep = 2 * (size.pairs + n * rank) * rank**2 + n * rank**3 / 3
        return Cost(WEIGHT * (6 * size.pairs + 4.6 * near), (self.epochs + 0.5) * sweep)

    def sweep(self, matrix: CSR, f: CSR, lean: Leaning, y: F32, x: F32, fold: FoldIn, run: Run) -> None:
        """Solve every row of x for fixed y, near f B, in place.  # (n, m), (n, d), ..., (m, rank), (n, rank)"""
        x[:] = f @ lean.coefficients
        products = np.float32(fold.unobserved) * gram(y, threads=run.threads)  # (rank, rank)
        solve_near(matrix, y, products, fold, x, np.arange(len(x)), run.threads)

    def led(self, lean: Leaning, f: CSR, x: F32, matrix: CSR, fold: FoldIn) -> Leaning:
        """Return the regression of the rows of x that have interactions on their attributes."""
        count = np.diff(matrix.indptr)
        weight = np.where(count > 0, fold.penalty(count.astype(np.float32), matrix.shape[1]), 0)
        weight = (weight / weight[count > 0].mean()).astype(np.float32)
        return replace(lean, coefficients=ridge(f, x, weight, self.l2_features, lean.coefficients))


def leaning(about: pl.DataFrame | None, rank: int, shrinkage: float) -> Leaning:
    """Return the encoder of attributes, which say nothing yet."""
    encoder = None if about is None else Encoder.of(about, tuple(about.columns), WEIGHTS)
    if encoder is not None and not encoder.columns:
        encoder = None
    coefficients = np.zeros((1 + (0 if encoder is None else encoder.n_features), rank), np.float32)
    return Leaning(encoder, coefficients, shrinkage)


def ridge(f: CSR, x: F32, weight: F32, l2: float, start: F32) -> F32:
    """Return B of min sum_u weight_u |x_u - f_u B|^2 + l2 |B|^2 by conjugate gradients, all columns at once.

    f (n, d), x (n, rank), weight (n,) -> (d, rank)
    """
    weighted = diags(weight) @ f
    b = start.astype(np.float64)
    rest = weighted.T @ x - weighted.T @ (f @ b) - l2 * b
    towards, size = rest.copy(), np.square(rest).sum(axis=0)
    for _ in range(STEPS):
        image = weighted.T @ (f @ towards) + l2 * towards
        step = size / np.maximum((towards * image).sum(axis=0), 1e-30)
        b += step * towards
        rest -= step * image
        before, size = size, np.square(rest).sum(axis=0)
        towards = rest + size / np.maximum(before, 1e-30) * towards
    return b.astype(np.float32)
