"""The fitted shape of cascades: the first model draws the slate, the second puts its head in order."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from serendip.arrays import F32, I32, ItemLists
from serendip.data.ids import Ids
from serendip.data.queries import Queries
from serendip.data.slates import Slates, picked
from serendip.kernels.topk import topk_dense
from serendip.models.contract import SCORES, Extends, Model, Similar
from serendip.models.likeness import alike


@dataclass(frozen=True)
class Cascaded(Model):
    """score(u, i) = first(u, i), but the scores of the `depth` best are dealt out again in the second's order.

    Items of the history are not among them. Of those at the head, what the second knows nothing of comes last, in the
    first's order, and so do ties. An item scores NaN where the first knows nothing of it.
    """

    first: Model
    second: Model
    depth: int

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        n = self.n_items
        score = np.full((len(queries), n if item is None else item.shape[1]), np.nan, np.float32)
        step = max(1, SCORES // max(n, 1))
        for b in range(0, len(queries), step):
            at = slice(b, b + step)
            score[at] = picked(self.reordered(queries.rows(at)), None if item is None else item[at])
        return score

    def reordered(self, queries: Queries) -> F32:
        """Return the scores of every item.  # (B, n_items)"""
        score = np.full((len(queries), self.n_items), np.nan, np.float32)
        score[:, : self.first.n_items] = self.first.score(queries)
        seen = queries.history.matrix(self.rules, self.n_items)
        depth = min(self.depth, self.n_items)
        head, height = topk_dense(score, depth, self.items.tie, exclude=ItemLists.of(seen))
        other = self.second.score(queries, head)  # (B, depth), NaN at the padding
        order = np.argsort(np.where(np.isnan(other), np.inf, -other), axis=1, kind="stable")
        moved = np.take_along_axis(head, order, axis=1)
        row, place = np.nonzero(moved >= 0)
        score[row, moved[row, place]] = height[row, place]
        return score

    def similar(self, item: I32, k: int) -> Slates:
        """Return the items most like each in the eyes of the first model that compares items; none where none does."""
        return alike(self.first if isinstance(self.first, Similar) else self.second, item, k)

    def extend(self, items: Ids, item_features: pl.DataFrame) -> "Cascaded":
        """Return the cascade with the new items for those of the two that take them up."""
        first, second = (m.extend(items, item_features) if isinstance(m, Extends) else m
                         for m in (self.first, self.second))  # fmt: skip
        return replace(self, items=items, first=first, second=second)
