"""What came last: items by the time at which they first appeared."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from serendip.data.dataset import Dataset
from serendip.data.interactions import DAY
from serendip.errors import UserError
from serendip.models.contract import Algorithm, Run
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.itemscores import ItemScores


@dataclass(frozen=True)
class Latest(Algorithm):
    """score(i) = the day of its first event, counted from the first event of all.

    O(events) time, O(n_items) memory.

    Use it as a second baseline where novelty is what people come for; it needs timestamps. Not alone: what is new may
    be what nobody wants.

    >>> import serendip
    >>> when = ["2026-01-20", "2026-01-21", "2026-06-22", "2026-06-20"]
    >>> data = serendip.read({"user": list("abca"), "item": ["scarf"] * 3 + ["hat"], "date": when})
    >>> serendip.recommend(serendip.Latest().fit(data), data, history=[[]])["item_id"].to_list()
    ['hat', 'scarf']
    """

    name: ClassVar[str] = "latest"
    uses: ClassVar[frozenset[str]] = frozenset()

    def fit(self, data: Dataset, *, run: Run = Run()) -> ItemScores:
        if data.timestamp is None:
            raise UserError("latest needs timestamps and the events have none: use popular")
        if len(data) == 0:
            raise UserError("latest has nothing to learn from: there are no events")
        first = np.full(data.n_items, np.iinfo(np.int64).max)
        np.minimum.at(first, data.item, data.timestamp)  # (n_items,)
        seen = first < np.iinfo(np.int64).max
        days = (first - data.timestamp.min()) / DAY
        scores = np.where(seen, days, np.nan).astype(np.float32)
        return ItemScores(data.users, data.items, data.fitted_rules, scores, "new in the catalogue")

    def cost(self, size: Size) -> Cost:
        return Cost(5 * WEIGHT * size.n_items, size.events)
