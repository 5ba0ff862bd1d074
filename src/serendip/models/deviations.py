"""The fitted shape of slope one: how ratings of pairs of items differ."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import F32, I32, I64, in_table, rows_of
from serendip.data.queries import Queries
from serendip.data.slates import Contributions, picked
from serendip.models.baseline import Baseline
from serendip.models.contract import Model


@dataclass(frozen=True)
class Deviations(Model):
    """rating(u, i) = sum_j (w_ij r_uj + d_ij) / sum_j w_ij over the items j that u rated.

    difference, weight (n_items, n_items) float32: d and w; d_ij is w_ij times by how much i is rated higher than j.
    A score is the rating; where none of the pairs was rated by anyone it is NaN, and the baseline predicts the rating.
    """

    difference: F32
    weight: F32
    baseline: Baseline

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        r = queries.history.ratings(self.n_items)
        seen = csr_matrix((np.ones_like(r.data), r.indices, r.indptr), shape=r.shape)
        total = r @ self.weight - seen @ self.difference  # w_ij = w_ji and d_ij = -d_ji
        weight = seen @ self.weight  # (B, n_items)
        with np.errstate(divide="ignore", invalid="ignore"):
            score = np.where(weight > 0, total / weight, np.float32(np.nan))
        return picked(score, item)

    def predict(self, queries: Queries, item: I32) -> F32:
        r = queries.history.ratings(self.n_items)
        known, at = in_table(item, self.n_items)
        row = rows_of(r)
        w, d = self.weight[at[row], r.indices], self.difference[at[row], r.indices]
        total, weight = np.bincount(row, w * r.data + d, len(item)), np.bincount(row, w, len(item))
        plain = self.baseline.ratings(queries, item, np.zeros(len(item), np.float32))
        rating = np.where(known & (weight > 0), total / np.maximum(weight, 1e-12), plain)
        return np.clip(rating, *self.baseline.clip).astype(np.float32)

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        """Return what each rating of the history adds: its share of the mean, times what it says alone."""
        r = queries.history.ratings(self.n_items)
        r = r if of is None else r[of]  # (M, n_items)
        row = rows_of(r)
        w, d = self.weight[item[row], r.indices], self.difference[item[row], r.indices]
        total = np.bincount(row, w, len(item))
        owed = (w * r.data + d) / np.maximum(total[row], 1e-12)
        return Contributions.because(r, np.where(w > 0, owed, 0))
