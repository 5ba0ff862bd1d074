"""P3alpha and RP3beta: where three random steps from a user lead, popular items held back.

Cooper, Lee, Radinsky, Tuzhilin, Zur, "Random Walks in Recommender Systems: Exact Computation and Simulations", WWW 2014
(P3alpha); Paudel, Christoffel, Newell, Bernstein, "Updatable, Accurate, Diverse, and Scalable Recommendations for
Interactive Applications", TiiS 7(1), 2016 (RP3beta).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import F64
from serendip.data.dataset import Dataset
from serendip.kernels.knn import neighbours
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.itemweights import ItemWeights

CHOICE = 20  # steps of the product that choosing among the items that meet one takes


@dataclass(frozen=True)
class P3alpha(Algorithm):
    """score(u, i) = sum over the history of x_uj sum_v p_jv^alpha p_vi^alpha, p the shares of a row's interactions.

    O(sum over users of n_u^2) time, 8 neighbours n_items bytes.

    Use it where interactions are few and the catalogue is large: fast, and hard to beat there; rp3beta where popular
    items crowd out the others. Not where order matters.

    >>> import serendip
    >>> data = serendip.read({"user": list("aabbbbb"), "item": "curry rice curry soap comb lamp tent".split()})
    >>> model = serendip.P3alpha().fit(data)
    >>> serendip.recommend(model, data, history=[["curry"]], k=1)["item_id"].to_list()  # who takes little says more
    ['rice']
    """

    name: ClassVar[str] = "p3alpha"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})

    alpha: float = hyper(0.8, "Exponent of a step's probability; below 1 rare steps count more.", low=0.0, high=3.0)
    neighbours: int = hyper(
        500, "Items of the history that an item is judged by, at most.", low=1, high=100_000, log=True
    )

    def fit(self, data: Dataset, *, run: Run = Run()) -> ItemWeights:
        learnable(data, self.name)
        return three_steps(data, self.alpha, 0.0, self.neighbours, run)

    def cost(self, size: Size) -> Cost:
        kept, near = size.near(size.pairs, self.neighbours).sum(), size.near(size.pairs).sum()
        shares = 5 * WEIGHT * size.pairs  # in float64, while they are made
        return Cost(max(shares, 3 * WEIGHT * size.pairs + 3 * WEIGHT * kept), size.met(size.pairs) + CHOICE * near)


@dataclass(frozen=True)
class RP3beta(P3alpha):
    """score(u, i) = that of p3alpha / d_i^beta, d_i the sum of the item's interactions.

    O(sum over users of n_u^2) time, 8 neighbours n_items bytes.

    Use it where interactions are few, the catalogue is large and popular items crowd out the others: fast, and hard to
    beat there. Not where order matters.

    >>> import serendip
    >>> data = serendip.read({"user": list("aaabbcd"), "item": "curry rice bread curry bread bread bread".split()})
    >>> models = [serendip.RP3beta(beta=beta).fit(data) for beta in (0.0, 1.0)]
    >>> [serendip.recommend(model, data, history=[["curry"]], k=1)["item_id"][0] for model in models]
    ['bread', 'rice']
    """

    name: ClassVar[str] = "rp3beta"

    alpha: float = hyper(0.6, "Exponent of a step's probability; below 1 rare steps count more.", low=0.0, high=3.0)
    beta: float = hyper(0.2, "Exponent by which popular items are held back.", low=0.0, high=2.0)

    def fit(self, data: Dataset, *, run: Run = Run()) -> ItemWeights:
        learnable(data, self.name)
        return three_steps(data, self.alpha, self.beta, self.neighbours, run)


def three_steps(data: Dataset, alpha: float, beta: float, k: int, run: Run) -> ItemWeights:
    """Return the model of W_ji = sum_v p_jv^alpha p_vi^alpha / d_i^beta, the k greatest of each column.

    p_jv^alpha p_vi^alpha = (d_j d_v)^-alpha (x_vj x_vi)^alpha: the product of a matrix with itself, once an item has
    its d^-alpha; in a column, what is due to its own item alone changes no order and is put right afterwards.
    """
    x = data.matrix  # (n_users, n_items)
    d_user, d_item = (np.asarray(x.sum(axis=axis, dtype=np.float64)).ravel() for axis in (1, 0))
    of_user = powers(np.repeat(d_user, np.diff(x.indptr)), -alpha / 2)  # (nnz,)
    half = x.data.astype(np.float64) ** alpha * of_user * powers(d_item, -alpha)[x.indices]
    rows = csr_matrix((half.astype(np.float32), x.indices, x.indptr), shape=x.shape).T.tocsr()  # (n_items, n_users)
    k = min(k, data.n_items)
    found = neighbours(rows, k=k, similarity="dot", tie=data.items.tie, threads=run.threads)  # row i: column i of W
    column = np.repeat(powers(d_item, alpha - beta), np.diff(found.indptr))
    found.data = (found.data * column).astype(np.float32)
    return ItemWeights(data.users, data.items, data.fitted_rules, found.T.tocsr(), d_item > 0)


def powers(x: F64, exponent: float) -> F64:
    """Return x^exponent, 0 where x is 0."""
    out: F64 = np.where(x > 0, np.maximum(x, 1e-30) ** exponent, 0.0)
    return out
