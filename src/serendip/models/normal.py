"""Random ratings, drawn from a normal distribution like the data's: the floor under every figure.

The predictor of the kind that Surprise has: Hug, "Surprise: A Python Library for Recommender Systems", JOSS 5(52),
2020. Counter-based draws: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import ndtri

from serendip.arrays import F32, I32, I64, columns_used
from serendip.data.dataset import Dataset
from serendip.data.queries import Queries
from serendip.models.contract import Algorithm, Run, learnable_ratings
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.ratings import Ratings, scale_of


@dataclass(frozen=True)
class NormalRatings(Ratings):
    """rating(u, i) = mean + deviation n_ui, n_ui a standard normal draw that follows from the seed, u and i alone."""

    mean: float
    deviation: float
    seed: int

    def rating(self, queries: Queries, which: I64, item: I32) -> F32:
        inside = (queries.user >= 0) & (queries.user < self.n_users)
        user = np.where(inside, queries.user, -1)[which]
        bits = (user.astype(np.int64) << 32 | (item.astype(np.int64) + 1)).astype(np.uint64) + np.uint64(self.seed)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64's mixing
            bits = (bits + np.uint64(0x9E3779B97F4A7C15)) ^ (bits >> np.uint64(shift))
            bits *= np.uint64(factor)
        uniform = ((bits >> np.uint64(40)).astype(np.float64) + 0.5) / 2**24
        return np.asarray(self.mean + self.deviation * ndtri(uniform), np.float32)


@dataclass(frozen=True)
class Normal(Algorithm):
    """rating(u, i) ~ N(mean of the ratings, their variance), the same draw whenever u and i are the same.

    O(ratings) time and memory.

    Use it as the floor of a comparison: what does worse than chance has a fault. Not for anything else.

    >>> import serendip
    >>> data = serendip.read({"user": list("aabbc"), "item": list("xyxyx"), "rating": [4, 5, 2, 3, 3]})
    >>> model = serendip.Normal().fit(data)
    >>> once, again = (serendip.predict(model, data, ["y"], users=["c"]) for _ in range(2))
    >>> once.equals(again), once["rating"].is_between(2, 5).all()  # by chance, the same each time, on the scale
    (True, True)
    """

    name: ClassVar[str] = "normal"
    uses: ClassVar[frozenset[str]] = frozenset()
    ranks: ClassVar[bool] = False

    spread: float = hyper(1.0, "Standard deviation of the draws, in those of the ratings.", low=0.0, high=10.0)

    def fit(self, data: Dataset, *, run: Run = Run()) -> NormalRatings:
        r = learnable_ratings(data, self.name, "popular")  # (n_users, n_items)
        mean, deviation = (float(moment(dtype=np.float64)) for moment in (r.data.mean, r.data.std))
        common = (data.users, data.items, data.fitted_rules, columns_used(r), scale_of(r))
        return NormalRatings(*common, mean, self.spread * deviation, run.seed)

    def cost(self, size: Size) -> Cost:
        return Cost(WEIGHT * (size.ratings + size.n_items), size.events)
