"""Baseline estimates: a rating as the mean and what the user and the item add to it, and nothing of taste.

Koren, "Factor in the Neighbors: Scalable and Accurate Collaborative Filtering", TKDD 4(1), 2010, section 2.1.
"""

from dataclasses import dataclass
from typing import ClassVar

from serendip.arrays import columns_used
from serendip.data.dataset import Dataset
from serendip.models.baseline import L2_ITEM, L2_USER, SWEEPS, Baseline
from serendip.models.centre import Centre
from serendip.models.centredratings import CentredRatings
from serendip.models.contract import Algorithm, Run, learnable_ratings
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.hyperparameter import hyper


@dataclass(frozen=True)
class BaselineOnly(Algorithm):
    """min sum (r - mean - b_u - b_i)^2 + l2_user sum_u b_u^2 + l2_item sum_i b_i^2 over the ratings.

    O(sweeps ratings) time, O(ratings) memory; the model is O(n_items).

    Use it as the measure that every other way of predicting ratings has to beat. Not for ranking: the order of items is
    the same for everyone.

    >>> import serendip
    >>> data = serendip.read({"user": list("aabbcc"), "item": list("xyxyxy"), "rating": [1, 2, 3, 4, 4, 5]})
    >>> model = serendip.BaselineOnly(l2_user=0.0, l2_item=0.0).fit(data)  # y is rated one higher than x
    >>> serendip.predict(model, data, ["y"] * 2, history=[{"x": 2}, {"x": 4}])["rating"].round().to_list()
    [3.0, 5.0]
    """

    name: ClassVar[str] = "baseline"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})
    ranks: ClassVar[bool] = False

    l2_user: float = hyper(L2_USER, "Penalty on squared biases of users, in ratings.", low=0.0, high=1000.0)
    l2_item: float = hyper(L2_ITEM, "Penalty on squared biases of items, in ratings.", low=0.0, high=1000.0)
    sweeps: int = hyper(SWEEPS, "Sweeps over all users and all items.", low=1, high=1000)

    def fit(self, data: Dataset, *, run: Run = Run()) -> CentredRatings:
        r = learnable_ratings(data, self.name, "popular")  # (n_users, n_items)
        baseline = Baseline.of(r, self.l2_user, self.l2_item, self.sweeps)
        known = columns_used(r)
        centre = Centre.of(r, "baseline", True, baseline)
        return CentredRatings(data.users, data.items, data.fitted_rules, known, baseline.clip, centre)

    def cost(self, size: Size) -> Cost:
        return Cost(3 * WEIGHT * size.ratings, self.sweeps * size.ratings)
