"""WARP: factors that raise what a user took above the items that stand before it, the more the more there are.

Weston, Bengio, Usunier, "Wsabie: Scaling Up to Large Vocabulary Image Annotation", IJCAI 2011; for users and items as
in Weston, Yee, Weiss, "Learning to Rank Recommendations with the k-Order Statistic Loss", RecSys 2013.
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
class WARP(Algorithm):
    """min sum ln(rank of i) (1 - s_ui + s_uj) over j with s_uj > s_ui - 1, s_ui = b_i + x_u y_i, j not taken by u.

    The rank is estimated: n_items over the draws until such a j is found. O(epochs interactions draws rank) time,
    O(interactions + (n_users + n_items) rank) memory.

    Use it where the top of the slate is all that matters; newcomers are folded in. Not where some interactions weigh
    more than others, which it takes all alike: als. Large steps or initial factors teach users noise that later epochs
    do not undo.

    >>> import serendip
    >>> item = "tent lamp rope axe".split() * 12 + "pen ink pad glue".split() * 8  # twelve campers, eight writers
    >>> data = serendip.read({"user": [n // 4 for n in range(79)], "item": item[:79]})
    >>> model = serendip.WARP(rank=2).fit(data)
    >>> serendip.recommend(model, data, users=[19], k=1)["item_id"].to_list()  # who took pen, ink and pad
    ['glue']
    """

    name: ClassVar[str] = "warp"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history"})

    rank: int = hyper(64, "Factors a user and an item.", low=1, high=2048, log=True)
    epochs: int = hyper(30, "Passes over all interactions.", low=1, high=5000, log=True)
    learning_rate: float = hyper(
        0.4, "Step size, over the root of a row's squared gradients so far.", low=1e-3, high=10.0, log=True
    )
    l2: float = hyper(0.02, "Penalty on squared factors, at each pair.", low=0.0, high=10.0)
    l2_bias: float = hyper(0.0, "Penalty on squared item biases, at each pair.", low=0.0, high=10.0)
    draws: int = hyper(10, "Negatives drawn for an interaction at most.", low=1, high=1000, log=True)
    init_std: float = hyper(0.005, "Standard deviation of initial factors.", low=1e-4, high=1.0, log=True)

    def fit(self, data: Dataset, *, run: Run = Run()) -> Factors:
        steps = Steps("warp", self.learning_rate, self.l2, self.l2_bias, sampled=self.draws)
        return fit_pairs(data, steps, rank=self.rank, epochs=self.epochs, init_std=self.init_std, run=run)

    def cost(self, size: Size) -> Cost:
        return pairs_cost(size, self.rank, self.epochs)
