"""V-SKNN, vector multiplication session kNN: what came in sessions that share the latest items of this one.

Ludewig, Jannach, "Evaluation of Session-based Recommendation Algorithms", UMUAI 28, 2018, arXiv:1803.09587.
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

DECAYS = ("linear", "harmonic", "quadratic", "none")


@dataclass(frozen=True)
class VSKNN(Algorithm):
    """score(u, i) = sum over the k sessions v most like u's of s_uv match(n) (1 + idf idf_i), s_uv the sum of recent(n)
    over the items that both have, the n-th from the end of u's, over v's length^length.

    Nothing to fit: O(events) time and memory; a query costs the sessions of its items.

    Use it where sessions are short and what was looked at last counts most: anonymous visitors of a shop. Not for long
    histories of taste.

    >>> import serendip
    >>> data = serendip.read({"user": list("aabbccdd"), "item": "tent lamp soap comb tent lamp soap comb".split()})
    >>> model = serendip.VSKNN().fit(data)
    >>> serendip.recommend(model, data, history=[["soap", "tent"], ["tent", "soap"]], k=1)["item_id"].to_list()
    ['lamp', 'comb']
    """

    name: ClassVar[str] = "vsknn"
    uses: ClassVar[frozenset[str]] = frozenset({"history", "order"})

    neighbours: int = hyper(500, "How many sessions are listened to.", low=1, high=10_000, log=True)
    sample: int = hyper(
        5000, "How many of the latest sessions that share an item are compared.", low=1, high=1_000_000, log=True
    )
    recent: str = hyper("harmonic", "How an item's weight falls with its distance from the end.", choices=DECAYS)
    match: str = hyper("harmonic", "How a vote falls with how far back the latest shared item is.", choices=DECAYS)
    length: float = hyper(0.5, "Exponent by which long sessions count less.", low=0.0, high=2.0)
    idf: float = hyper(1.0, "How much more a vote for a rare item counts.", low=0.0, high=100.0)

    def fit(self, data: Dataset, *, run: Run = Run()) -> SessionNeighbours:
        learnable(data, self.name)
        places, latest, _ = sessions(data)  # (n_users, n_items), (n_users,)
        size = np.maximum(np.diff(places.indptr), 1)
        count = np.maximum(np.bincount(places.indices, minlength=data.n_items), 1)
        votes = 1 + self.idf * np.log(data.n_users / count)
        return SessionNeighbours(
            data.users, data.items, data.fitted_rules, self.neighbours, self.sample, places, latest,
            (size**-self.length).astype(np.float32), votes.astype(np.float32),
            decay(self.recent), decay(self.match), np.ones(STEPS, np.float32),
        )  # fmt: skip

    def cost(self, size: Size) -> Cost:
        return Cost(SORTED * size.events + 4 * WEIGHT * (size.n_users + size.n_items), size.events)


def decay(kind: str) -> F32:
    """Return what the latest item counts, the one before, and so on.  # (STEPS,)"""
    n = np.arange(1, STEPS + 1, dtype=np.float32)
    match kind:
        case "linear":
            return np.maximum(1 - (n - 1) / 10, np.float32(0.01))
        case "harmonic":
            return np.reciprocal(n)
        case "quadratic":
            return np.reciprocal(n**2)
        case _:
            return np.ones_like(n)
