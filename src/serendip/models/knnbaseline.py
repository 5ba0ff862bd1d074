"""Neighbours for ratings: a rating as a habit and the mean of what the nearest say beyond theirs.

Koren, "Factor in the Neighbors: Scalable and Accurate Collaborative Filtering", TKDD 4(1), 2010, section 2.2; with
means and with standard scores: Herlocker, Konstan, Borchers, Riedl, "An Algorithmic Framework for Performing
Collaborative Filtering", SIGIR 1999.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from serendip.arrays import CSR, columns_used
from serendip.data.dataset import Dataset
from serendip.kernels.knn import neighbours
from serendip.models.baseline import Baseline
from serendip.models.centre import CENTRES, Centre
from serendip.models.centreditems import CentredItems
from serendip.models.centredusers import CentredUsers
from serendip.models.contract import Algorithm, Run, learnable_ratings
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.hyperparameter import hyper

KEPT = 20  # times as many neighbours of an item are kept, of which the nearest that the user rated count


@dataclass(frozen=True)
class KNNBaseline(Algorithm):
    """rating(u, i) = m_ui + s_ui sum_j s_ij z_uj / sum_j s_ij over the k items j most like i that u rated.

    z = (r - m) / s, with m the baseline and s = 1, or as `centre` says; by users: over the users v most like u who
    rated i. O(sum over users of n_u^2) time, 160 k n_items bytes; by users nothing is compared before a query.

    Use it to predict ratings from those of like items or like people, or as one of fwls's. Not where the error counts:
    svdpp alone is better.

    >>> import serendip
    >>> user, rating = [n // 4 for n in range(48)], [5, 5, 1, 1] * 6 + [1, 1, 5, 5] * 6
    >>> data = serendip.read({"user": user, "item": "alien dune heidi lassie".split() * 12, "rating": rating})
    >>> model = serendip.KNNBaseline(by="user").fit(data)  # what those say who are like the newcomer
    >>> serendip.predict(model, data, ["dune"] * 2, history=[{"alien": 5}, {"alien": 1}])["rating"].round().to_list()
    [5.0, 1.0]
    """

    name: ClassVar[str] = "knnbaseline"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})
    ranks: ClassVar[bool] = False

    neighbours: int = hyper(40, "How many neighbours are listened to.", low=1, high=10_000, log=True)
    by: str = hyper("item", "Whose neighbours: items like the item, or users like the user.", choices=("item", "user"))
    centre: str = hyper(
        "baseline", "What a rating is compared with: the baseline, the item's or the user's mean, that and the "
        "standard deviation, or nothing.", choices=CENTRES,
    )  # fmt: skip
    similarity: str = hyper(
        "cosine", "How the rest is compared, over what both have ratings of: by its direction, or by its squared "
        "distance.", choices=("cosine", "euclidean"),
    )  # fmt: skip
    shrinkage: float = hyper(100.0, "Ratings in common at which a similarity counts half.", low=0.0, high=10_000.0)
    min_overlap: int = hyper(1, "Ratings in common below which two are not compared.", low=1, high=1000)

    def fit(self, data: Dataset, *, run: Run = Run()) -> CentredItems | CentredUsers:
        r = learnable_ratings(data, self.name, "itemknn")  # (n_users, n_items)
        baseline = Baseline.of(r)
        centre = Centre.of(r, self.centre, self.by == "user", baseline)
        rest = centre.beyond(r)
        known = columns_used(r)
        common = (data.users, data.items, data.fitted_rules, known, baseline.clip, centre)
        if self.by == "user":
            shrunk = (self.similarity, self.shrinkage, self.min_overlap)
            return CentredUsers(*common, rest, self.neighbours, *shrunk)
        return CentredItems(*common, self.likeness(rest.T.tocsr(), data, run), self.neighbours)

    def cost(self, size: Size) -> Cost:
        near = 0 if self.by == "user" else min(KEPT * self.neighbours, size.n_items) * size.n_items
        return Cost(WEIGHT * (2 * near + 4 * size.ratings), size.met(size.ratings) + size.ratings)

    def likeness(self, rows: CSR, data: Dataset, run: Run) -> CSR:
        """Return the most similar of the other items, row by row.  # (n_items, n_users) -> (n_items, n_items)"""
        similarity: Literal["adjusted_cosine", "euclidean"] = (
            "euclidean" if self.similarity == "euclidean" else "adjusted_cosine"
        )
        return neighbours(
            rows, k=min(KEPT * self.neighbours, data.n_items), similarity=similarity, tie=data.items.tie,
            shrinkage=self.shrinkage, overlap=True, min_overlap=self.min_overlap, threads=run.threads,
        )  # fmt: skip
