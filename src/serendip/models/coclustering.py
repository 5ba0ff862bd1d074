"""Co-clustering: users and items in groups at once, and a mean rating for each pair of groups.

George, Merugu, "A Scalable Collaborative Filtering Framework Based on Co-clustering", ICDM 2005.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from serendip.arrays import CSR, F32, F64, I64, rows_of
from serendip.data.dataset import Dataset
from serendip.models.coclusters import CoClusters, nearest_cluster, shrunk
from serendip.models.contract import Algorithm, Run, learnable_ratings
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.ratings import scale_of


@dataclass(frozen=True)
class CoClustering(Algorithm):
    """min sum (r_ui - C_gh - (A_u - C_g) - (A_i - C_h))^2 over groups g of users and h of items.

    C_gh, C_g, C_h: mean ratings of pairs of groups and of groups; A_u, A_i: of the user and the item, drawn to the mean
    of all. O(starts epochs ratings (user_clusters + item_clusters)) time, O(ratings) memory.

    Use it where a few groups are to be read, or as one of fwls's. Not where the error counts: svd predicts better.

    >>> import serendip
    >>> user, rating = [n // 4 for n in range(48)], [5, 5, 1, 1] * 6 + [1, 1, 5, 5] * 6
    >>> data = serendip.read({"user": user, "item": "alien dune heidi lassie".split() * 12, "rating": rating})
    >>> group = serendip.CoClustering(starts=10).fit(data).item_cluster
    >>> data.items.series.filter(group == group[0]).to_list()  # who likes the one likes the other
    ['alien', 'dune']
    """

    name: ClassVar[str] = "coclustering"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})
    ranks: ClassVar[bool] = False

    user_clusters: int = hyper(2, "Groups of users.", low=1, high=1000, log=True)
    item_clusters: int = hyper(3, "Groups of items.", low=1, high=1000, log=True)
    epochs: int = hyper(20, "Times that all users and all items choose their group.", low=1, high=1000)
    starts: int = hyper(3, "Random beginnings, of which the one of least error is kept.", low=1, high=100)
    shrinkage: float = hyper(5.0, "Ratings of the overall mean that each mean begins with.", low=0.0, high=1000.0)

    def fit(self, data: Dataset, *, run: Run = Run()) -> CoClusters:
        r = learnable_ratings(data, self.name, "itemknn")  # (n_users, n_items)
        generator = np.random.default_rng(run.seed)
        best: tuple[float, CoClusters] | None = None
        for start in range(self.starts):
            model = self.grouped(data, r, r.T.tocsr(), generator)
            error = model.squared_error(r)
            if best is None or error < best[0]:
                best = error, model
            run.report("coclustering: starts", start + 1, self.starts)
        assert best is not None
        return best[1]

    def cost(self, size: Size) -> Cost:
        choices = self.starts * self.epochs * size.ratings
        return Cost(6 * WEIGHT * size.ratings, choices * (self.user_clusters + self.item_clusters))

    def grouped(self, data: Dataset, r: CSR, rt: CSR, generator: np.random.Generator) -> CoClusters:
        """Return the model that alternating choices of groups come to from one random beginning."""
        mean, row = float(r.data.mean(dtype=np.float64)), rows_of(r)
        of_user, of_item = (shrunk(m, mean, self.shrinkage) for m in (r, rt))
        user = generator.integers(0, self.user_clusters, data.n_users)
        item = generator.integers(0, self.item_clusters, data.n_items)
        for epoch in range(self.epochs + 1):
            c_user, c_item, both = self.means(r.data, user[row], item[r.indices], mean)
            if epoch == self.epochs:
                break
            user = nearest_cluster(r, (both - c_item).T - c_user, item, of_item, of_user)
            item = nearest_cluster(rt, both - c_user[:, None] - c_item, user, of_user, of_item)
        known = np.diff(rt.indptr) > 0
        return CoClusters(
            data.users, data.items, data.fitted_rules, known, scale_of(r), mean, of_item, item.astype(np.int32), c_user,
            c_item, both, self.shrinkage,
        )  # fmt: skip

    def means(self, value: F32, g: I64, h: I64, mean: float) -> tuple[F32, F32, F32]:
        """Return the mean ratings of groups of users, of items and of pairs, drawn to all's mean.  # g, h (nnz,)"""
        n, m = self.user_clusters, self.item_clusters

        def of(group: I64, size: int) -> F64:
            total, count = np.bincount(group, value, size), np.bincount(group, minlength=size)
            return np.asarray((total + self.shrinkage * mean) / np.maximum(count + self.shrinkage, 1e-9))

        c_user, c_item, both = of(g, n), of(h, m), of(g * m + h, n * m).reshape(n, m)
        return c_user.astype(np.float32), c_item.astype(np.float32), both.astype(np.float32)
