"""The fitted shape of neighbourhoods of users who gave ratings."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from serendip.arrays import CSR, F32, I32, I64, rows_of
from serendip.data.queries import Queries
from serendip.models.baseline import Baseline
from serendip.models.comparison import Comparison, squares
from serendip.models.neighbourhood import padded, weighted_mean
from serendip.models.ratings import distinct
from serendip.models.userneighbours import LIKENESSES, UserNeighbours


@dataclass(frozen=True)
class UserRatings(UserNeighbours):
    """rating(u, i) = b_ui + the mean, weighted by s_uv, of r_vi - b_vi over the nearest users who rated i.

    residuals (n_users, n_items) float32 CSR: r_vi - b_vi; users are compared by these, distances over what both rated.
    """

    baseline: Baseline
    residuals: CSR

    @cached_property
    def _residuals(self) -> tuple[CSR, F32, Comparison]:
        centre = np.zeros(self.n_items, np.float32)  # the baseline is taken away already
        comparison = replace(self.comparison, weighting="none", centre=centre)
        vectors = comparison.prepare(self.residuals)
        return vectors.T.tocsr(), squares(vectors), comparison

    def predict(self, queries: Queries, item: I32) -> F32:
        first, which = distinct(queries)
        order = np.argsort(which, kind="stable")
        beyond = np.zeros(len(item), np.float32)
        step = max(1, LIKENESSES // max(self.n_users, 1))
        for h in range(0, len(first), step):
            at = order[np.searchsorted(which[order], h) : np.searchsorted(which[order], h + step)]
            beyond[at] = self._beyond(queries.rows(first[h : h + step]), which[at] - h, item[at])
        return self.baseline.ratings(queries, item, beyond)

    def _beyond(self, queries: Queries, which: I64, item: I32) -> F32:
        """Return what the neighbours of query `which` say of `item` beyond the baseline.  # (N,), (N,) -> (N,)"""
        columns, square, comparison = self._residuals
        rest = self.baseline.residuals(queries.history.ratings(self.n_items))
        x = comparison.prepare(rest)
        if comparison.similarity == "euclidean":
            likeness = comparison.over_shared(x, columns)  # (B, n_users)
        else:
            likeness = comparison.between(x, columns, square).toarray()
        inside = (queries.user >= 0) & (queries.user < self.n_users)
        likeness[np.flatnonzero(inside), queries.user[inside]] = 0
        raters = self._by_item[np.where((item >= 0) & (item < self.n_items), item, self.n_items)]  # (N, n_users)
        row = rows_of(raters)
        return weighted_mean(row, likeness[which[row], raters.indices], raters.data, self.neighbours, len(item))

    @cached_property
    def _by_item(self) -> CSR:
        """Residuals by item, and an empty row for an unknown one.  # (n_items + 1, n_users)"""
        return padded(self.residuals.T.tocsr())
