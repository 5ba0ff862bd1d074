"""What most people took to: the baseline that every other method has to beat."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from serendip.data.dataset import Dataset
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.itemscores import ItemScores


@dataclass(frozen=True)
class Popular(Algorithm):
    """score(i) = the sum of its interactions' weights.

    O(events) time, O(n_items) memory.

    Use it as the baseline, and as the last resort for those of whom nothing is known. Not alone: it knows nothing of
    anyone's taste.

    >>> import serendip
    >>> data = serendip.read({"user": "ann bob bob cat cat dan".split(), "item": "tea tea milk tea milk rum".split()})
    >>> model = serendip.Popular().fit(data)
    >>> serendip.recommend(model, data, history=[[], ["tea"]], k=1)["item_id"].to_list()  # what one has is left out
    ['tea', 'milk']
    """

    name: ClassVar[str] = "popular"
    uses: ClassVar[frozenset[str]] = frozenset()

    def fit(self, data: Dataset, *, run: Run = Run()) -> ItemScores:
        learnable(data, self.name)
        total = np.asarray(data.matrix.sum(axis=0), np.float32).ravel()  # (n_items,)
        scores = np.where(total > 0, total, np.float32(np.nan))
        return ItemScores(data.users, data.items, data.fitted_rules, scores, "popular with everyone")

    def cost(self, size: Size) -> Cost:
        return Cost(WEIGHT * size.n_items, size.events)
