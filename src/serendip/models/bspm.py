"""BSPM, blurring-sharpening process models: a history blurred over the item graph, then sharpened against it.

Choi, Hong, Park, Cho, "Blurring-Sharpening Process Models for Collaborative Filtering", SIGIR 2023, arXiv:2211.09324;
here their early merge (BSPM-EM): both blurs are put together and then sharpened.
"""

from dataclasses import dataclass
from math import factorial
from typing import ClassVar

import numpy as np

from serendip.arrays import F32
from serendip.data.dataset import Dataset
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import Cost, Size
from serendip.models.graphfilter import GraphFilter, filter_cost, graph_filter
from serendip.models.hyperparameter import hyper

ORDER = 4  # of the Runge-Kutta step


@dataclass(frozen=True)
class BSPM(Algorithm):
    """score(u, .) = s(time), where s' = -s A'A from s(0) = x_u (A'A + ideal D^-1/2 V V' D^1/2), by one step of RK4.

    A = X over the roots of both degrees, V its singular vectors.
    O(sweeps (interactions rank + n_items rank^2) + n_users rank^2) time,
    O(interactions + (n_users + n_items) rank) memory; an answer takes O(interactions).

    Use it where gfcf does well and some milliseconds more an answer are to be had. Not where order matters.

    >>> import serendip
    >>> data = serendip.read({"user": list("abceee"), "item": "rope rope tent tent lamp rope".split()})
    >>> models = [serendip.BSPM(time=time).fit(data) for time in (0.0, 2.5)]  # gfcf, and sharpened after it
    >>> [serendip.recommend(model, data, history=[["tent"]])["item_id"].to_list() for model in models]
    [['lamp', 'rope'], ['rope', 'lamp']]
    """

    name: ClassVar[str] = "bspm"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})

    rank: int = hyper(448, "Singular vectors of the low-pass filter.", low=1, high=4096, log=True)
    ideal: float = hyper(0.2, "Weight of the low-pass filter beside the linear one.", low=0.0, high=10.0)
    time: float = hyper(2.5, "How long the process sharpens; 0: not at all.", low=0.0, high=2.78)
    sweeps: int = hyper(8, "Multiplications by A'A that find the singular vectors.", low=1, high=100)

    def fit(self, data: Dataset, *, run: Run = Run()) -> GraphFilter:
        learnable(data, self.name)
        return graph_filter(data, self.rank, self.ideal, step(self.time), self.sweeps, run)

    def cost(self, size: Size) -> Cost:
        return filter_cost(size, self.rank, self.sweeps)


def step(time: float) -> F32:
    """Return the polynomial in A'A that a step of the classical Runge-Kutta method multiplies s by.  # (ORDER + 1,)

    It is stable to 2.78: no frequency grows.
    """
    return np.array([(-time) ** n / factorial(n) for n in range(ORDER + 1)], np.float32)
