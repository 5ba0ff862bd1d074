"""The fitted shape of boosted trees on categories."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from serendip.arrays import CSR, F32, I32, U8, Bool, in_table, rows_of
from serendip.data.queries import Queries
from serendip.models.contract import Model
from serendip.models.fields import Fields
from serendip.models.forest import CategoryTree, read_forest, together
from serendip.models.trees import predicted, read_trees

PAIRS = 1_000_000  # pairs judged one by one at once
TABLE = 16_000_000  # scores of all items at once


@dataclass(frozen=True)
class CategoryTrees(Model):
    """score(q, i) = what the trees say of the categories of q and i: a probability, or its logit where there were no
    labels. item_codes (n_items, n_item_fields); known (n_items,): items that were seen or have attributes."""

    reads_users: ClassVar[bool] = True

    fields: Fields
    item_codes: I32
    known: Bool
    trees: U8  # LightGBM's own text
    probability: bool

    @cached_property
    def _booster(self) -> Any:
        return read_trees(self.trees)

    @cached_property
    def _forest(self) -> tuple[CategoryTree, ...]:
        return read_forest(self.trees)

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        asked = codes(self.fields.asked(queries), self.fields, 0, len(self.fields.query))
        return self._of_all(asked) if item is None else self._of_pairs(asked, item)

    def _of_all(self, asked: I32) -> F32:
        score = np.empty((len(asked), self.n_items), np.float32)
        step = max(1, TABLE // max(self.n_items, 1))
        for b in range(0, len(asked), step):
            score[b : b + step] = together(self._forest, asked[b : b + step], self.item_codes)
        if self.probability:
            score = np.asarray(1 / (1 + np.exp(-score)), np.float32)
        score[:, ~self.known] = np.nan
        return score

    def _of_pairs(self, asked: I32, item: I32) -> F32:
        width = item.shape[1]
        score = np.empty(item.shape, np.float32)
        step = max(1, PAIRS // max(width, 1))
        for b in range(0, len(asked), step):
            known, at = in_table(item[b : b + step], self.n_items)
            x = np.concatenate([np.repeat(asked[b : b + step], width, axis=0), self.item_codes[at.ravel()]], axis=1)
            told = predicted(self._booster, x.astype(np.float32), raw=not self.probability)
            score[b : b + step] = np.where(known & self.known[at], told.reshape(at.shape), np.nan)
        return score


def codes(rows: CSR, fields: Fields, begin: int, n: int) -> I32:
    """Return the category of each row in n fields from `begin` on, 0 for what is missing; the first of several.

    rows (B, n_features) -> (B, n)
    """
    found = np.zeros((rows.shape[0], n), np.int32)
    row = rows_of(rows)[::-1]  # so that the first of several stays
    feature = rows.indices[::-1]
    field = fields.of_feature[feature]
    found[row, field - begin] = feature - fields.first[field]
    return found
