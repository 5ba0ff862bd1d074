"""The fitted shape of a ranker over retrievers: children put items forward, boosted trees order them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from serendip.arrays import F32, I32, U8
from serendip.data.queries import Queries
from serendip.data.slates import picked
from serendip.models.contract import SCORES, Model
from serendip.models.described import Described, Standing, standing
from serendip.models.trees import predicted, read_trees


@dataclass(frozen=True)
class RankedCandidates(Model):
    """score(q, i) = what the trees say of the pair, i being among the first `most` of a child and not in the history.

    Any other item scores below all of these, by the mean of the children's scores made comparable; so do all items
    where there are no trees. trees: LightGBM's own text as bytes, empty for none.
    """

    reads_users: ClassVar[bool] = True

    children: tuple[Model, ...]
    described: Described
    most: int
    trees: U8

    @cached_property
    def _booster(self) -> Any:
        return read_trees(self.trees)

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        score = np.empty((len(queries), self.n_items if item is None else item.shape[1]), np.float32)
        step = max(1, SCORES // max(self.n_items * len(self.children) * 4, 1))
        for b in range(0, len(queries), step):
            at = slice(b, b + step)
            part = queries.rows(at)
            whole = self._scores(part, standing(self.children, part, self.n_items, self.most))  # (b, n_items)
            score[at] = picked(whole, None if item is None else item[at])
        return score

    def _scores(self, queries: Queries, seen: Standing) -> F32:
        score = seen.mean
        if not len(self.trees):
            return score
        row, item = np.nonzero(seen.retrieved)
        score = self._booster.lower_bound() - 2 + np.tanh(score)
        if len(row):
            told = self.described.rows(queries, seen, row, item.astype(np.int32))
            score[row, item] = predicted(self._booster, told)
        return np.asarray(score, np.float32)
