"""GF-CF, graph filter based collaborative filtering: two low-pass filters on the item graph, nothing to train.

Shen, Wu, Zhang, Shan, Zhang, Letaief, Li, "How Powerful is Graph Convolution for Recommendation?", CIKM 2021,
arXiv:2108.07567.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from serendip.data.dataset import Dataset
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import Cost, Size
from serendip.models.graphfilter import GraphFilter, filter_cost, graph_filter
from serendip.models.hyperparameter import hyper


@dataclass(frozen=True)
class GFCF(Algorithm):
    """score(u, .) = x_u (A'A + ideal D^-1/2 V V' D^1/2), A = X over the roots of both degrees, V its singular vectors.

    O(sweeps (interactions rank + n_items rank^2) + n_users rank^2) time,
    O(interactions + (n_users + n_items) rank) memory.

    Use it where interactions are many and sparse, and a factorisation would take too long; bspm is better on some data
    and takes longer to answer. Not where order matters.

    >>> import serendip
    >>> data = serendip.read({"user": list("aabbcc"), "item": "tent lamp lamp rope rope axe".split()})
    >>> models = serendip.ItemKNN().fit(data), serendip.GFCF().fit(data)  # one step on the graph, and further ones
    >>> [serendip.recommend(model, data, history=[["tent"]])["item_id"].to_list() for model in models]
    [['lamp'], ['lamp', 'rope', 'axe']]
    """

    name: ClassVar[str] = "gfcf"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})

    rank: int = hyper(256, "Singular vectors of the low-pass filter.", low=1, high=4096, log=True)
    ideal: float = hyper(0.3, "Weight of the low-pass filter beside the linear one.", low=0.0, high=10.0)
    sweeps: int = hyper(8, "Multiplications by A'A that find the singular vectors.", low=1, high=100)

    def fit(self, data: Dataset, *, run: Run = Run()) -> GraphFilter:
        learnable(data, self.name)
        return graph_filter(data, self.rank, self.ideal, np.ones(1, np.float32), self.sweeps, run)

    def cost(self, size: Size) -> Cost:
        return filter_cost(size, self.rank, self.sweeps)
