"""The fitted shape of neighbourhoods of items that were given ratings."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from serendip.arrays import CSR, F32, I32, rows_of
from serendip.data.queries import Queries
from serendip.models.baseline import Baseline
from serendip.models.itemweights import ItemWeights, scattered
from serendip.models.neighbourhood import BESIDE, padded, weighted_mean


@dataclass(frozen=True)
class ItemRatings(ItemWeights):
    """rating(u, i) = b_ui + the mean, weighted by s_ij, of r_uj - b_uj over the nearest items j in the history.

    likeness (n_items, n_items) float32 CSR, row i: the items j most like i in what ratings say beyond the baseline.
    """

    baseline: Baseline
    likeness: CSR
    neighbours: int

    def predict(self, queries: Queries, item: I32) -> F32:
        step = max(1, BESIDE // max(self.n_items, 1))
        beyond = np.concatenate([np.empty(0, np.float32)] + [
            self._beyond(queries.rows(slice(b, b + step)), item[b : b + step]) for b in range(0, len(item), step)
        ])  # fmt: skip
        return self.baseline.ratings(queries, item, beyond)

    def _beyond(self, queries: Queries, item: I32) -> F32:
        """Return what ratings of like items say beyond the baseline.  # (B,)"""
        rest = self.baseline.residuals(queries.history.ratings(self.n_items))
        beside = scattered(rest)  # (B, n_items)
        near = self._padded[np.where((item >= 0) & (item < self.n_items), item, self.n_items)]  # (B, n_items)
        row = rows_of(near)
        value = beside[row, near.indices]
        rated = ~np.isnan(value)
        return weighted_mean(row[rated], near.data[rated], value[rated], self.neighbours, len(item))

    @cached_property
    def _padded(self) -> CSR:
        """Likeness, with an empty row for an unknown item.  # (n_items + 1, n_items)"""
        return padded(self.likeness)
