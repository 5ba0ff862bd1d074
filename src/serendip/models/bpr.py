"""Bayesian personalised ranking: factors that put what a user took above what they did not.

Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR: Bayesian Personalized Ranking from Implicit Feedback", UAI 2009,
arXiv:1205.2618; negatives by popularity as in Rendle, Freudenthaler, "Improving Pairwise Learning for Item
Recommendation from Implicit Feedback", WSDM 2014.
"""

from dataclasses import dataclass
from typing import ClassVar

from serendip.data.dataset import Dataset
from serendip.kernels.pairwise import Steps
from serendip.models.contract import Algorithm, Run
from serendip.models.cost import Cost, Size
from serendip.models.factors import Factors
from serendip.models.hyperparameter import hyper
from serendip.models.pairwise import fit_pairs, pairs_cost


@dataclass(frozen=True)
class BPR(Algorithm):
    """min sum -ln sigmoid(s_ui - s_uj) + l2 / 2 (|x_u|^2 + |y_i|^2 + |y_j|^2), s_ui = b_i + x_u y_i, j not taken by u.

    O(epochs interactions rank) time, O(interactions + (n_users + n_items) rank) memory.

    Use it where the order of the slate is all that matters; newcomers are folded in. Not where some interactions weigh
    more than others, which it takes all alike: als, which is often better and needs fewer settings.

    >>> import serendip
    >>> item = "tent lamp rope axe".split() * 12 + "pen ink pad glue".split() * 8  # twelve campers, eight writers
    >>> data = serendip.read({"user": [n // 4 for n in range(80)], "item": item})
    >>> slate = serendip.recommend(serendip.BPR(rank=2).fit(data), data, users=[19], k=4, keep_seen=True)
    >>> sorted(slate["item_id"])  # what user 19 took stands above the rest
    ['glue', 'ink', 'pad', 'pen']
    """

    name: ClassVar[str] = "bpr"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history"})

    rank: int = hyper(64, "Factors a user and an item.", low=1, high=2048, log=True)
    epochs: int = hyper(100, "Passes over all interactions.", low=1, high=5000, log=True)
    learning_rate: float = hyper(
        0.1, "Step size at first; falls to 0 in a straight line.", low=1e-5, high=1.0, log=True
    )
    l2: float = hyper(0.01, "Penalty on squared factors, at each pair.", low=0.0, high=10.0)
    l2_bias: float = hyper(0.01, "Penalty on squared item biases, at each pair.", low=0.0, high=10.0)
    popularity: float = hyper(0.5, "A negative is drawn by its number of users to this power.", low=0.0, high=2.0)
    init_std: float = hyper(0.1, "Standard deviation of initial factors.", low=1e-4, high=1.0, log=True)

    def fit(self, data: Dataset, *, run: Run = Run()) -> Factors:
        steps = Steps("bpr", self.learning_rate, self.l2, self.l2_bias, popularity=self.popularity)
        return fit_pairs(data, steps, rank=self.rank, epochs=self.epochs, init_std=self.init_std, run=run)

    def cost(self, size: Size) -> Cost:
        return pairs_cost(size, self.rank, self.epochs)
