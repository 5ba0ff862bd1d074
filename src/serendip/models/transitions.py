"""The fitted shape of Markov chains: item-to-item weights from what was chosen last."""

from dataclasses import dataclass

import numpy as np

from serendip.arrays import CSR
from serendip.data.queries import Queries
from serendip.models.itemweights import ItemWeights


@dataclass(frozen=True)
class Transitions(ItemWeights):
    """score(u, i) = sum over the history of 2^(-later_j / recency) x_uj W_ji, later_j events after j's last one.

    Here the order of a history counts without times too: it is taken as given.
    """

    def past(self, queries: Queries) -> CSR:
        x = queries.history.matrix(self.rules, self.n_items)
        if self.recency is not None:
            x.data = x.data * np.exp2(-queries.history.later(x) / self.recency).astype(np.float32)
        return x
