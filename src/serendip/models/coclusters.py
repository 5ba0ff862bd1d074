"""The fitted shape of co-clustering: groups of items, groups of users, and how each pair of them rates."""

from dataclasses import dataclass

import numpy as np

from serendip.arrays import CSR, F32, I32, I64, rows_of
from serendip.data.queries import Queries
from serendip.models.ratings import Ratings


@dataclass(frozen=True)
class CoClusters(Ratings):
    """rating(u, i) = C_gh + (A_u - C_g) + (A_i - C_h), g the group whose ratings come nearest to the history's.

    item_mean (n_items,): A_i; item_cluster (n_items,) int32: h; user_means (G,), item_means (H,): C_g, C_h; means
    (G, H): C_gh. A_u is the history's mean with `shrinkage` ratings of `mean` beside; an unknown item adds nothing.
    """

    mean: float
    item_mean: F32
    item_cluster: I32
    user_means: F32
    item_means: F32
    means: F32
    shrinkage: float

    def rating(self, queries: Queries, which: I64, item: I32) -> F32:
        a, g = self.user(queries.history.ratings(self.n_items))
        g, h, inside = g[which], self.item_cluster[item], item >= 0
        together = self.means[g, h] - self.user_means[g] + self.item_mean[item] - self.item_means[h]
        return np.asarray(a[which] + np.where(inside, together, 0), np.float32)

    def user(self, ratings: CSR) -> tuple[F32, I64]:
        """Return A_u and g of each history.  # (B, n_items) -> (B,), (B,)"""
        a = shrunk(ratings, self.mean, self.shrinkage)
        part = (self.means - self.item_means).T - self.user_means
        return a, nearest_cluster(ratings, part, self.item_cluster, self.item_mean, a)

    def squared_error(self, ratings: CSR) -> float:
        """Return the mean squared error of the ratings that it was fitted on.  # (n_users, n_items)"""
        a, g = self.user(ratings)
        row, item = rows_of(ratings), ratings.indices
        h = self.item_cluster[item]
        predicted = a[row] + self.means[g[row], h] - self.user_means[g[row]] + self.item_mean[item] - self.item_means[h]
        return float(np.mean((predicted - ratings.data) ** 2))


def shrunk(rows: CSR, mean: float, shrinkage: float) -> F32:
    """Return each row's mean with `shrinkage` ratings of `mean` beside; `mean` where it is empty.  # (n,)"""
    n = np.diff(rows.indptr)
    total = np.bincount(np.repeat(np.arange(len(n)), n), rows.data, len(n)) + shrinkage * mean
    return np.where(n > 0, total / np.maximum(n + shrinkage, 1e-9), mean).astype(np.float32)


def nearest_cluster(rows: CSR, part: F32, cluster: I64 | I32, other: F32, own: F32) -> I64:
    """Return the group of each row whose predicted ratings have the least squared error; 0 for an empty row.

    part (H, G): what group g adds to a rating in group h of the columns; cluster (m,): h of the columns; other (m,),
    own (n,): means of columns and rows -> (n,).
    """
    row = rows_of(rows)
    rest = rows.data - own[row] - other[rows.indices]  # predicted by part[h, g]
    width = len(part)
    key = row * width + cluster[rows.indices]
    total, count = (np.bincount(key, w, rows.shape[0] * width).reshape(-1, width) for w in (rest, np.ones_like(rest)))
    return np.asarray((count @ part.astype(np.float64) ** 2 - 2 * total @ part).argmin(axis=1), np.int64)
