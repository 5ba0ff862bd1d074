"""STAN, sequence and time aware neighbourhoods: session kNN in which positions and the age of sessions count.

Garg, Gupta, Malhotra, Vig, Shroff, "Sequence and Time Aware Neighborhood for Session-based Recommendations: STAN",
SIGIR 2019; the weights of rare items as in Ludewig, Mauro, Latifi, Jannach, "Empirical Analysis of Session-based
Recommendation Algorithms", UMUAI 31, 2021 (VSTAN).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from serendip.arrays import F32
from serendip.data.dataset import Dataset
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.sessionneighbours import SORTED, STEPS, SessionNeighbours, sessions


@dataclass(frozen=True)
class STAN(Algorithm):
    """score(u, i) = sum over the k sessions v most like u's of s_uv exp(-|p_vi - p_vj| / near) (1 + idf idf_i).

    s_uv = the sum of exp(-n / recent) over the items that both have, n steps from the end of u's, times
    exp(-age of v / age) over v's length^length; j: the latest shared item.
    Nothing to fit: O(events) time and memory; a query costs the sessions of its items.

    Use it as vsknn, and where what people look for changes by the week. Not for long histories of taste.

    >>> import serendip
    >>> when = ["2025-12-24"] * 4 + ["2026-06-21"] * 2
    >>> data = serendip.read({"user": list("aabbcc"), "item": "hat sled hat sled hat kite".split(), "date": when})
    >>> models = [serendip.STAN(age=age).fit(data) for age in (None, 30.0)]
    >>> [serendip.recommend(model, data, history=[["hat"]], k=1)["item_id"][0] for model in models]
    ['sled', 'kite']
    """

    name: ClassVar[str] = "stan"
    uses: ClassVar[frozenset[str]] = frozenset({"history", "order"})

    neighbours: int = hyper(500, "How many sessions are listened to.", low=1, high=10_000, log=True)
    sample: int = hyper(
        5000, "How many of the latest sessions that share an item are compared.", low=1, high=1_000_000, log=True
    )
    recent: float | None = hyper(
        1.0, "Steps back after which an item counts 1/e; none: all alike.", low=0.1, high=1000.0, log=True
    )
    age: float | None = hyper(
        None,
        "Days after which a session counts 1/e (sessions without times); none: never.",
        low=0.1,
        high=1e7,
        log=True,
    )
    near: float | None = hyper(
        5.0, "Places from the shared item at which a vote counts 1/e; none: all alike.", low=0.1, high=1000.0, log=True
    )
    length: float = hyper(0.25, "Exponent by which long sessions count less.", low=0.0, high=2.0)
    idf: float = hyper(1.0, "How much more a vote for a rare item counts.", low=0.0, high=100.0)

    def fit(self, data: Dataset, *, run: Run = Run()) -> SessionNeighbours:
        learnable(data, self.name)
        places, latest, age = sessions(data)  # (n_users, n_items), (n_users,), (n_users,)
        size = np.maximum(np.diff(places.indptr), 1)
        count = np.maximum(np.bincount(places.indices, minlength=data.n_items), 1)
        strength = size**-self.length * falling(age, self.age)
        votes = 1 + self.idf * np.log(data.n_users / count)
        steps = np.arange(STEPS, dtype=np.float32)
        return SessionNeighbours(
            data.users, data.items, data.fitted_rules, self.neighbours, self.sample, places, latest,
            strength.astype(np.float32), votes.astype(np.float32),
            falling(steps, self.recent), np.ones(STEPS, np.float32), falling(steps, self.near),
        )  # fmt: skip

    def cost(self, size: Size) -> Cost:
        return Cost(SORTED * size.events + 4 * WEIGHT * (size.n_users + size.n_items), size.events)


def falling(x: F32, scale: float | None) -> F32:
    """Return exp(-x / scale), 1 where there is no scale; never so small that float32 loses it."""
    return np.ones_like(x) if scale is None else np.exp(-np.minimum(x / scale, 60.0)).astype(np.float32)
