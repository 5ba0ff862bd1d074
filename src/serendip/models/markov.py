"""A first-order Markov chain: what people chose right after what you chose last.

Shani, Heckerman, Brafman, "An MDP-Based Recommender System", JMLR 6, 2005, section 3 (skipping and the smoothing of
counts); the back-off to popularity by Zhai, Lafferty, "A Study of Smoothing Methods for Language Models", TOIS 22(2),
2004 (Dirichlet).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, I32, pairs_of
from serendip.data.dataset import Dataset
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.transitions import Transitions

FOUND, COUNTED = 75, 21  # bytes of an event while interactions are told apart, and of each event that it precedes


@dataclass(frozen=True)
class Markov(Algorithm):
    """score(u, i) = sum over the history of 2^(-later_j / recency) c_ji / (c_j + shrinkage) / n_i^damping.

    c_ji: how often i came up to `window` events after j, times `skip` for each event between them.
    O(window events) time and memory, at most 8 window events bytes for the model.

    Use it where the next choice follows from the last one: episodes, songs, what goes with what. Not where the order of
    events is an accident.

    >>> import serendip
    >>> data = serendip.read({"user": list("aaabbb"), "item": "pilot second finale pilot second finale".split()})
    >>> model = serendip.Markov().fit(data)
    >>> serendip.recommend(model, data, history=[["pilot"], ["second"]], k=1)["item_id"].to_list()
    ['second', 'finale']
    """

    name: ClassVar[str] = "markov"
    uses: ClassVar[frozenset[str]] = frozenset({"history", "order"})

    window: int = hyper(5, "How many events ahead a transition reaches; 1: the next one alone.", low=1, high=100)
    skip: float = hyper(0.7, "What each event passed over leaves of a transition.", low=0.01, high=1.0)
    shrinkage: float = hyper(10.0, "Added to an item's transitions: rare items say less.", low=0.0, high=10_000.0)
    recency: float = hyper(
        2.0, "Events after which an older one of the history counts half.", low=0.01, high=1000.0, log=True
    )
    damping: float = hyper(0.0, "Exponent by which popular items are held back.", low=0.0, high=2.0)

    def fit(self, data: Dataset, *, run: Run = Run()) -> Transitions:
        learnable(data, self.name)
        x = data.matrix  # (n_users, n_items)
        some = np.isin(data.user.astype(np.int64) * data.n_items + data.item, pairs_of(x))
        c = transitions(data.user[some], data.item[some], data.n_items, self.window, self.skip)
        popularity = np.bincount(x.indices, minlength=data.n_items)
        given = np.asarray(c.sum(axis=1), np.float32).ravel() + np.float32(self.shrinkage)
        c.data /= np.repeat(given, np.diff(c.indptr)) * popularity[c.indices].astype(np.float32) ** self.damping
        return Transitions(data.users, data.items, data.fitted_rules, c, popularity > 0, recency=self.recency)

    def cost(self, size: Size) -> Cost:
        return Cost((FOUND + COUNTED * self.window) * size.events, self.window * size.events)


def transitions(user: I32, item: I32, n_items: int, window: int, skip: float) -> CSR:
    """Return how often each item followed each other one, user by user in order.  # (N,), (N,) -> (n_items, n_items)"""
    j, i, weight = [np.empty(0, np.int32)], [np.empty(0, np.int32)], [np.empty(0, np.float32)]
    for gap in range(1, min(window, len(user) - 1) + 1):
        follows = (user[gap:] == user[:-gap]) & (item[gap:] != item[:-gap])
        j.append(item[:-gap][follows])
        i.append(item[gap:][follows])
        weight.append(np.full(len(i[-1]), skip ** (gap - 1), np.float32))
    found = csr_matrix((np.concatenate(weight), (np.concatenate(j), np.concatenate(i))), shape=(n_items, n_items))
    found.sum_duplicates()
    return found
