"""The fitted shape of stacked ratings: a linear blend of several models' whose weights depend on what is known."""

from dataclasses import dataclass

import numpy as np

from serendip.arrays import F32, I32, I64
from serendip.data.queries import Queries
from serendip.models.contract import Model, Predicts
from serendip.models.ratings import Rates, Ratings

ROWS = 500_000  # history events held at once


@dataclass(frozen=True)
class StackedRatings(Ratings):
    """rating(u, i) = mean + sum_c sum_f w_cf f(u, i) (rating_c(u, i) - mean) + sum_f w_0f f(u, i).

    children: C models that predict ratings. weights (C + 1, 3): the last row is w_0. f: 1, and the logarithms of how
    many ratings the history and the item have, less `middle` (2,). support (n_items,): ratings of each item.
    """

    children: tuple[Model, ...]
    weights: F32
    middle: F32
    support: F32
    mean: float

    def rating(self, queries: Queries, which: I64, item: I32) -> F32:
        count = np.diff(queries.history.ratings(self.n_items).indptr)
        support = np.where(item >= 0, self.support[item], np.float32(0))
        f = known_of(count[which], support) - np.append(np.float32(0), self.middle)  # (N, 3)
        return np.asarray(self.mean + stacked(predicted(self.children, queries, which, item) - self.mean, f)
                          @ self.weights.ravel(), np.float32)  # fmt: skip


def known_of(n_user: I64, n_item: F32) -> F32:
    """Return what the weights depend on: 1, ln(1 + the user's ratings), ln(1 + the item's).  # (N,), (N,) -> (N, 3)"""
    return np.column_stack([np.ones(len(n_user)), np.log1p(n_user), np.log1p(n_item)]).astype(np.float32)


def predicted(children: tuple[Model, ...], queries: Queries, which: I64, item: I32) -> F32:
    """Return what each of the children predicts, on the scale or beyond it.  # (N,), (N,) -> (N, C)"""
    out = np.empty((len(item), len(children)), np.float32)
    events = np.cumsum(np.diff(queries.history.offset)[which])
    parts = np.split(np.arange(len(item)), np.flatnonzero(np.diff(events // ROWS)) + 1)
    for c, child in enumerate(children):
        if isinstance(child, Rates):
            out[:, c] = child.rating(queries, which, item)
            continue
        assert isinstance(child, Predicts)
        for at in parts:
            out[at, c] = child.predict(queries.rows(which[at]), item[at])
    return out


def stacked(beyond: F32, f: F32) -> F32:
    """Return each child's rating, and 1, times each feature.  # (N, C), (N, F) -> (N, (C + 1) F)"""
    parts = np.column_stack([beyond, np.ones(len(beyond), np.float32)])
    return np.asarray((parts[:, :, None] * f[:, None, :]).reshape(len(f), parts.shape[1] * f.shape[1]), np.float32)
