"""Slope one: a rating from the user's other ratings and from how much items differ, by those who rated both.

Lemire, Maclachlan, "Slope One Predictors for Online Rating-Based Collaborative Filtering", SDM 2005.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import psutil

from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.kernels.slopeone import differences
from serendip.models.baseline import Baseline
from serendip.models.contract import Algorithm, Run, learnable_ratings
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.deviations import Deviations
from serendip.models.hyperparameter import hyper


@dataclass(frozen=True)
class SlopeOne(Algorithm):
    """rating(u, i) = the mean over the items j that u rated, weighted by c_ij, of r_uj + dev_ij.

    c_ij: how many rated both, dev_ij: by how much i was then rated higher.
    O(sum over users of n_u^2 + n_items^2) time, 8 n_items^2 bytes.

    Use it as a simple and fast measure for ratings: svd predicts better. Not for ranking, since the items that most
    people rate high are so for everyone.

    >>> import serendip
    >>> data = serendip.read({"user": list("aabbc"), "item": list("xyxyx"), "rating": [4, 5, 2, 3, 3]})
    >>> model = serendip.SlopeOne().fit(data)
    >>> serendip.predict(model, data, ["y"], users=["c"])["rating"].to_list()  # y was rated one higher than x
    [4.0]
    """

    name: ClassVar[str] = "slopeone"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})
    ranks: ClassVar[bool] = False

    weighted: bool = hyper(True, "Whether a pair of items counts as often as it was rated; else all pairs alike.")

    def fit(self, data: Dataset, *, run: Run = Run()) -> Deviations:
        r = learnable_ratings(data, self.name, "itemknn")  # (n_users, n_items)
        check_memory(data.n_items)
        difference, count = differences(r, threads=run.threads)  # (n_items, n_items) both
        run.report("slopeone: pairs", 1, 1)
        if not self.weighted:
            difference /= np.maximum(count, 1)
            count = (count > 0).astype(np.float32)
        return Deviations(data.users, data.items, data.fitted_rules, difference, count, Baseline.of(r))

    def cost(self, size: Size) -> Cost:
        return Cost(8 * size.n_items**2 + 2 * WEIGHT * size.ratings, size.met(size.ratings) + size.n_items**2)


def check_memory(n_items: int) -> None:
    """Raise a UserError where the dense matrices would not fit into the memory that is free."""
    need, free = 8 * n_items**2, psutil.virtual_memory().available
    if need > free:
        raise UserError(
            f"slopeone needs {need / 1e9:.1f} GB for the pairs of {n_items:,} items and {free / 1e9:.1f} GB are free: "
            "use svd"
        )
