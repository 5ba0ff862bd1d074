"""The fitted shape of ratings predicted from the user's ratings of like items."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from serendip.arrays import CSR, F32, I32, I64, rows_of
from serendip.data.queries import Queries
from serendip.models.centredratings import CentredRatings
from serendip.models.itemweights import scattered
from serendip.models.neighbourhood import BESIDE, blocks, padded, weighted_mean


@dataclass(frozen=True)
class CentredItems(CentredRatings):
    """z_ui = the mean, weighted by s_ij, of z_uj over the `neighbours` items j most like i that u rated.

    likeness (n_items, n_items) float32 CSR, row i: the items j most like i by z.
    """

    likeness: CSR
    neighbours: int

    def beyond(self, queries: Queries, given: CSR, which: I64, item: I32) -> F32:
        rest = self.centre.beyond(given)
        z, order = np.zeros(len(item), np.float32), np.argsort(which, kind="stable")
        step = max(1, BESIDE // max(self.n_items, 1))
        for b in range(0, len(queries), step):
            beside = scattered(rest[b : b + step])  # (b, n_items)
            mine = order[np.searchsorted(which[order], b) : np.searchsorted(which[order], b + step)]
            for at in blocks(mine, self._length[item[mine]]):
                near = self._padded[np.where(item[at] >= 0, item[at], self.n_items)]  # (n, n_items)
                row = rows_of(near)
                value = beside[which[at][row] - b, near.indices]
                rated = ~np.isnan(value)
                z[at] = weighted_mean(row[rated], near.data[rated], value[rated], self.neighbours, len(at))
        return z

    @cached_property
    def _length(self) -> I64:
        """How many are like each item; 0 for an unknown one.  # (n_items + 1,)"""
        return np.diff(self._padded.indptr).astype(np.int64)

    @cached_property
    def _padded(self) -> CSR:
        """Likeness, with an empty row for an unknown item.  # (n_items + 1, n_items)"""
        return padded(self.likeness)
