"""SVD with biases: a rating as a mean, two habits and an inner product of tastes, by stochastic gradient descent.

Koren, Bell, Volinsky, "Matrix Factorization Techniques for Recommender Systems", IEEE Computer 42(8), 2009; Funk,
"Netflix Update: Try This at Home", 2006.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from serendip.arrays import F32, I32, columns_used, rows_of
from serendip.data.dataset import Dataset
from serendip.kernels.sgd import Factorisation, svd_epochs, svd_start
from serendip.models.contract import Algorithm, Run, learnable_ratings
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.factorratings import FactorRatings
from serendip.models.factors import FoldIn
from serendip.models.hyperparameter import hyper
from serendip.models.ratings import scale_of
from serendip.models.stopping import best_epoch, squared_error


@dataclass(frozen=True)
class SVD(Algorithm):
    """min sum (r - mean - b_u - b_i - x_u y_i)^2 + l2 (|x_u|^2 + |y_i|^2) + l2_bias (b_u^2 + b_i^2) over the ratings.

    O(epochs ratings rank) time, O(ratings + (n_users + n_items) rank) memory.

    Use it to predict ratings; newcomers are folded in from theirs. Not for views and purchases, whose absence says
    something too: als.

    >>> import serendip
    >>> user, rating = [n // 4 for n in range(47)], [5, 5, 1, 1] * 6 + [1, 1, 5, 5] * 5 + [1, 1, 5]
    >>> data = serendip.read({"user": user, "item": ("alien dune heidi lassie".split() * 12)[:47], "rating": rating})
    >>> model = serendip.SVD(rank=4).fit(data)  # user 11 has not rated lassie, and alien with a 1
    >>> serendip.predict(model, data, ["lassie", "alien"], users=[11, 11])["rating"].round().to_list()
    [4.0, 1.0]
    """

    name: ClassVar[str] = "svd"
    ranks: ClassVar[bool] = False
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history"})

    rank: int = hyper(100, "Factors a user and an item.", low=1, high=2048, log=True)
    epochs: int = hyper(50, "Passes over all ratings.", low=1, high=1000)
    learning_rate: float = hyper(0.01, "Step size of the descent.", low=1e-5, high=1.0, log=True)
    l2: float = hyper(0.1, "Penalty on squared factors, at each rating.", low=0.0, high=10.0)
    l2_bias: float = hyper(0.02, "Penalty on squared biases, at each rating.", low=0.0, high=10.0)
    init_std: float = hyper(0.02, "Standard deviation of initial factors.", low=1e-4, high=1.0, log=True)

    def fit(self, data: Dataset, *, run: Run = Run()) -> FactorRatings:
        r = learnable_ratings(data, self.name, "als")  # (n_users, n_items)
        user = rows_of(r).astype(np.int32)
        w = svd_start(user, r.indices, r.data, *r.shape, rank=self.rank, init_std=self.init_std, seed=run.seed)
        epochs = svd_epochs(
            w, user, r.indices, r.data, epochs=self.epochs, learning_rate=self.learning_rate,
            l2=self.l2, l2_bias=self.l2_bias, seed=run.seed, threads=run.threads,
        )  # fmt: skip
        w = best_epoch(w, epochs, squared_error(run, data, predicted), n=self.epochs, what=self.name, run=run)
        known = columns_used(r)
        return FactorRatings(
            data.users, data.items, data.fitted_rules, np.ascontiguousarray(w.p[:, : self.rank]),
            np.ascontiguousarray(w.q[:, : self.rank]), data.history.fingerprint(), known,
            FoldIn(self.l2, frequency=1.0, ratings=True), np.zeros((self.rank, self.rank), np.float32),
            w.user_bias, w.item_bias, w.mean, clip=scale_of(r),
        )  # fmt: skip

    def cost(self, size: Size) -> Cost:
        factors = 4 * (self.rank + 1) * (size.n_users + size.n_items)
        return Cost(2 * factors + 4 * WEIGHT * size.ratings, self.epochs * size.ratings * (self.rank + 4))


def predicted(w: Factorisation, user: I32, item: I32) -> F32:
    """Return what the factors say of ratings.  # (N,), (N,) -> (N,)"""
    taste = np.einsum("nf,nf->n", w.p[user], w.q[item])
    return np.asarray(np.float32(w.mean) + w.user_bias[user] + w.item_bias[item] + taste, np.float32)
