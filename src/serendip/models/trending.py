"""What people take to now: popularity in which an event counts half after each half-life."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.itemscores import ItemScores


@dataclass(frozen=True)
class Trending(Algorithm):
    """score(i) = sum over its interactions of weight * 2^(-age / half_life), age from the last event of all.

    O(events) time and memory; the model is one number an item.

    Use it where tastes change with the season; it needs timestamps. Not where people want the same all year: popular
    knows more of that.

    >>> import serendip
    >>> when = ["2026-01-20", "2026-01-21", "2026-01-22", "2026-06-20", "2026-06-21"]
    >>> data = serendip.read({"user": list("abcde"), "item": ["scarf"] * 3 + ["hat"] * 2, "date": when})
    >>> serendip.recommend(serendip.Trending(half_life=30.0).fit(data), data, history=[[]])["item_id"].to_list()
    ['hat', 'scarf']
    """

    name: ClassVar[str] = "trending"
    uses: ClassVar[frozenset[str]] = frozenset()

    half_life: float = hyper(30.0, "Days after which an event counts half.", low=0.01, high=3650.0, log=True)

    def fit(self, data: Dataset, *, run: Run = Run()) -> ItemScores:
        if data.timestamp is None:
            raise UserError("trending needs timestamps and the events have none: use popular")
        decayed = data.ruled(replace(data.rules, half_life=self.half_life))
        learnable(decayed, self.name)
        total = np.asarray(decayed.matrix.sum(axis=0), np.float32).ravel()  # (n_items,)
        scores = np.where(total > 0, total, np.float32(np.nan))
        return ItemScores(data.users, data.items, data.fitted_rules, scores, "trending now")

    def cost(self, size: Size) -> Cost:
        return Cost(10 * WEIGHT * size.events, size.events)  # interactions are made once more, with the decay
