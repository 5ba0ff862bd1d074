"""SVD++: SVD with what a user's history implies, whatever its ratings say.

Koren, "Factorization Meets the Neighborhood: a Multifaceted Collaborative Filtering Model", KDD 2008,
doi:10.1145/1401890.1401944, section 4.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from serendip.arrays import CSR, F32, I32, ItemLists, columns_used
from serendip.data.dataset import Dataset
from serendip.kernels.svdpp import Implied, Steps, svdpp_epochs, svdpp_start
from serendip.models.contract import Algorithm, Run, learnable_ratings
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.factors import FoldIn
from serendip.models.historyfactors import HistoryFactors, history_items, implied_sum
from serendip.models.hyperparameter import hyper
from serendip.models.ratings import scale_of
from serendip.models.stopping import best_epoch, squared_error


@dataclass(frozen=True)
class SVDpp(Algorithm):
    """min sum (r - mean - b_u - b_i - y_i (p_u + |N|^-1/2 sum_N z_j))^2 + penalties, over the ratings.

    N are the items of u's history, rated or not.
    O(epochs (ratings + events) rank) time on one thread, O(events + (n_users + n_items) rank) memory.

    Use it to predict ratings; better than svd where users rated little or did other things too. Not where a fit has to
    be quick: svd.

    >>> import serendip
    >>> acts = {"user": [n // 2 for n in range(80)], "item": ["trailer", "dune", "goats", "dune"] * 20}
    >>> data = serendip.read({**acts, "event": ["view", "rating"] * 40, "rating": [None, 5, None, 1] * 20})
    >>> model = serendip.SVDpp(rank=4).fit(data)  # two newcomers have watched something and rated nothing
    >>> serendip.predict(model, data, ["dune"] * 2, history=[["trailer"], ["goats"]])["rating"].round().to_list()
    [5.0, 1.0]
    """

    name: ClassVar[str] = "svdpp"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history"})
    ranks: ClassVar[bool] = False

    rank: int = hyper(100, "Factors a user and an item.", low=1, high=2048, log=True)
    epochs: int = hyper(40, "Passes over all ratings.", low=1, high=1000)
    learning_rate: float = hyper(0.01, "Step size at first.", low=1e-5, high=1.0, log=True)
    decay: float = hyper(0.97, "What the step size is multiplied by after each epoch.", low=0.5, high=1.0)
    l2: float = hyper(0.08, "Penalty on squared factors, at each rating.", low=0.0, high=10.0)
    l2_bias: float = hyper(0.01, "Penalty on squared biases, at each rating.", low=0.0, high=10.0)
    l2_implied: float = hyper(0.005, "Penalty on the squared factors z, at each rating.", low=0.0, high=10.0)
    init_std: float = hyper(0.03, "Standard deviation of initial factors.", low=1e-4, high=1.0, log=True)

    def fit(self, data: Dataset, *, run: Run = Run()) -> HistoryFactors:
        r = learnable_ratings(data, self.name, "als")  # (n_users, n_items)
        touched = history_items(data.history, data.n_items)  # (n_users, n_items)
        rated, implied = ItemLists.of(r), ItemLists.of(touched)
        w = svdpp_start(rated, r.data, data.n_items, rank=self.rank, init_std=self.init_std, seed=run.seed)
        steps = Steps(self.learning_rate, self.l2, self.l2_bias, self.l2_implied)
        epochs = svdpp_epochs(w, implied, rated, r.data, steps, epochs=self.epochs, seed=run.seed, decay=self.decay)
        error = squared_error(run, data, partial(predicted, touched))
        w = best_epoch(w, epochs, error, n=self.epochs, what=self.name, run=run)
        p, q, y = (np.ascontiguousarray(factors[:, : self.rank]) for factors in (w.p, w.q, w.y))
        p += implied_sum(touched, y)
        known = columns_used(r)
        return HistoryFactors(
            data.users, data.items, data.fitted_rules, p, q,
            data.history.fingerprint(), known, FoldIn(self.l2, frequency=1.0, ratings=True),
            np.zeros((self.rank, self.rank), np.float32), w.user_bias, w.item_bias, w.mean,
            clip=scale_of(r), implied=y,
        )  # fmt: skip

    def cost(self, size: Size) -> Cost:
        factors = 4 * self.rank * (3 * size.n_users + 4 * size.n_items)  # padded, then as kept with what is implied
        return Cost(factors + 3 * WEIGHT * (size.ratings + size.events),
                    self.epochs * (size.ratings + size.events) * (self.rank + 4))  # fmt: skip


def predicted(touched: CSR, w: Implied, user: I32, item: I32) -> F32:
    """Return what the factors and the histories (n_users, n_items) say of ratings.  # (N,), (N,) -> (N,)"""
    x = w.p + implied_sum(touched, w.y)
    taste = np.einsum("nf,nf->n", x[user], w.q[item])
    return np.asarray(np.float32(w.mean) + w.user_bias[user] + w.item_bias[item] + taste, np.float32)
