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
    """score(i) = the sum of its interactions' weights. O(events) time, O(items) memory.

    Use it as the baseline and as the last resort; it knows nothing of anyone's taste.

    >>> from serendip.data.tables import Tables
    >>> import polars as pl
    >>> events = pl.DataFrame({"user_id": ["a", "b", "b"], "item_id": ["x", "x", "y"]})
    >>> data = Dataset.of(Tables(events))
    >>> model = Popular().fit(data)
    >>> model.items.take(model.recommend(data.queries(), k=1).item[:, 0])
    ['x', 'x']
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
