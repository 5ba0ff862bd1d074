"""The fitted shape of what everyone gets alike: one score an item."""

from dataclasses import dataclass

import numpy as np

from serendip.arrays import F32, I32, I64, in_table
from serendip.data.queries import Queries
from serendip.data.slates import Contributions
from serendip.models.contract import Model


@dataclass(frozen=True)
class ItemScores(Model):
    """scores (n_items,) float32, NaN for items that were never seen; reason says why they score."""

    scores: F32
    reason: str

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        if item is None:
            return np.broadcast_to(self.scores, (len(queries), self.n_items))
        known, at = in_table(item, self.n_items)
        return np.where(known, self.scores[at], np.float32(np.nan))

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        return Contributions.whole(self.scores[item], self.reason)
