"""Asymmetric SVD: ratings from item factors alone; a user is what their ratings and their history say.

Koren, "Factorization Meets the Neighborhood: a Multifaceted Collaborative Filtering Model", KDD 2008,
doi:10.1145/1401890.1401944, section 4, equation 13; the biases are the baseline's, and an item says nothing of itself
while it is learned from, as Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, arXiv:1905.03375,
has it: that error on withheld ratings is lower was measured on a validation part.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, columns_used, rows_of
from serendip.data.dataset import Dataset
from serendip.kernels.asvd import Asymmetric, Told, asvd_epochs, asvd_start
from serendip.models.asymmetricfactors import AsymmetricFactors
from serendip.models.baseline import Baseline
from serendip.models.contract import Algorithm, Run, learnable_ratings
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.factors import FoldIn
from serendip.models.historyfactors import history_items, implied_sum, positions
from serendip.models.hyperparameter import hyper
from serendip.models.stopping import best_epoch, squared_error


@dataclass(frozen=True)
class ASVD(Algorithm):
    """min sum (r - b_ui - y_i (|R|^-1/2 sum_R (r_uj - b_uj) x_j + |N|^-1/2 sum_N z_j))^2 + l2 (|x|^2 + |y|^2 + |z|^2).

    R are the items that u rated, N those of the history, both but for i; b is the baseline.
    O(epochs events rank) time on one thread, O(events + (n_users + n_items) rank) memory.

    Use it to predict ratings where newcomers and new ratings come all the time: a newcomer is known as well as a fitted
    user. Not where all users are fitted: svdpp is a little better for them.

    >>> import serendip
    >>> user, rating = [n // 4 for n in range(48)], [5, 5, 1, 1] * 6 + [1, 1, 5, 5] * 6
    >>> data = serendip.read({"user": user, "item": "alien dune heidi lassie".split() * 12, "rating": rating})
    >>> model, new = serendip.ASVD(rank=4).fit(data), [{"alien": 5, "heidi": 1}, {"alien": 1, "heidi": 5}]
    >>> serendip.predict(model, data, ["dune"] * 2, history=new)["rating"].round().to_list()  # two newcomers
    [5.0, 1.0]
    """

    name: ClassVar[str] = "asvd"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})
    ranks: ClassVar[bool] = False

    rank: int = hyper(50, "Factors an item, of each of the three kinds.", low=1, high=2048, log=True)
    epochs: int = hyper(25, "Passes over all users.", low=1, high=1000)
    learning_rate: float = hyper(0.01, "Step size at first.", low=1e-5, high=1.0, log=True)
    decay: float = hyper(0.9, "What the step size is multiplied by after each epoch.", low=0.5, high=1.0)
    l2: float = hyper(0.05, "Penalty on squared factors: y at each rating, x and z at each user.", low=0.0, high=10.0)
    init_std: float = hyper(0.03, "Standard deviation of initial factors.", low=1e-4, high=1.0, log=True)

    def fit(self, data: Dataset, *, run: Run = Run()) -> AsymmetricFactors:
        r = learnable_ratings(data, self.name, "als")  # (n_users, n_items)
        touched = history_items(data.history, data.n_items)  # (n_users, n_items)
        baseline, at = Baseline.of(r), positions(touched, r)
        rest, rated = np.zeros(touched.nnz, np.float32), np.zeros(touched.nnz, np.bool_)
        rest[at], rated[at] = baseline.residuals(r).data, True
        told = Told(touched.indptr.astype(np.int64), touched.indices, rated, rest)
        w = asvd_start(told, data.n_items, rank=self.rank, init_std=self.init_std, seed=run.seed)
        epochs = asvd_epochs(
            w, told, epochs=self.epochs, learning_rate=self.learning_rate, l2=self.l2, seed=run.seed, decay=self.decay
        )
        bias, tells = baseline.user_bias(r), scaled(touched, told)
        error = squared_error(run, data, partial(predicted, baseline, bias, touched, tells))
        w = best_epoch(w, epochs, error, n=self.epochs, what=self.name, run=run)
        y, x, z = (np.ascontiguousarray(factors[:, : self.rank]) for factors in w)
        return AsymmetricFactors(
            data.users, data.items, data.fitted_rules, tells @ x + implied_sum(touched, z), y,
            data.history.fingerprint(), columns_used(r),
            FoldIn(baseline.l2_user, ratings=True), np.zeros((self.rank, self.rank), np.float32),
            bias, baseline.item_bias, baseline.mean, clip=baseline.clip, implied=z, telling=x,
        )  # fmt: skip

    def cost(self, size: Size) -> Cost:
        factors = 4 * self.rank * (6 * size.n_items + 2 * size.n_users)
        return Cost(factors + 3 * WEIGHT * (size.ratings + size.events), self.epochs * size.events * (self.rank + 4))


def scaled(touched: CSR, told: Told) -> CSR:
    """Return |R|^-1/2 (r_uj - b_uj).  # (n_users, n_items)"""
    row = rows_of(touched)
    n = np.maximum(np.bincount(row, told.rated, touched.shape[0]), 1)
    return csr_matrix(
        ((told.rest / np.sqrt(n)[row]).astype(np.float32), touched.indices, touched.indptr), shape=touched.shape
    )


def predicted(baseline: Baseline, bias: F32, touched: CSR, tells: CSR, w: Asymmetric, user: I32, item: I32) -> F32:
    """Return what baseline, histories and factors say of ratings.  # (N,), (N,) -> (N,)"""
    x = tells @ w.x + implied_sum(touched, w.z)  # (n_users, rank)
    taste = np.einsum("nf,nf->n", x[user], w.y[item])
    rating = np.float32(baseline.mean) + bias[user] + baseline.item_bias[item] + taste
    return np.asarray(np.clip(rating, *baseline.clip), np.float32)
