"""What fitted shapes of ratings share: a score is the rating predicted, and each history is looked at once."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from serendip.arrays import CSR, F32, I32, I64, Bool, in_table
from serendip.data.queries import Queries
from serendip.models.contract import Model


@runtime_checkable
class Rates(Protocol):
    """Predicts ratings of many items by queries that are looked at once each."""

    def rating(self, queries: Queries, which: I64, item: I32) -> F32:
        """Return what query `which` would give to `item`, -1 for an unknown one.  # (N,), (N,) -> (N,)"""
        ...


@dataclass(frozen=True)
class Ratings(Model):
    """score(u, i) = the rating predicted, NaN for an item without ratings; `predict` keeps it on the scale.

    known (n_items,): items with ratings. clip: the rating scale seen in the data.
    """

    known: Bool
    clip: tuple[float, float]

    @abstractmethod
    def rating(self, queries: Queries, which: I64, item: I32) -> F32:
        """Return what query `which` would give to `item`, -1 for an unknown one.  # (N,), (N,) -> (N,)"""

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        if item is None:
            item = np.broadcast_to(np.arange(self.n_items, dtype=np.int32), (len(queries), self.n_items))
        which = np.repeat(np.arange(len(queries)), item.shape[1])
        known, at = in_table(item, self.n_items)
        rating = self.rating(queries, which, self._inside(item).ravel()).reshape(item.shape)
        return np.where(known & self.known[at], rating, np.float32(np.nan))

    def predict(self, queries: Queries, item: I32) -> F32:
        first, which = distinct(queries)
        rating = self.rating(queries.rows(first), which, self._inside(item))
        return np.asarray(np.clip(rating, *self.clip), np.float32)

    def _inside(self, item: I32) -> I32:
        """Return the items, -1 for those beyond the table."""
        return np.where((item >= 0) & (item < self.n_items), item, np.int32(-1))


def scale_of(ratings: CSR) -> tuple[float, float]:
    """Return the least and the greatest rating that were given."""
    return float(ratings.data.min()), float(ratings.data.max())


def distinct(queries: Queries) -> tuple[I64, I64]:
    """Return the first query of each user and history, and which of them each query is.  # (D,), (B,)"""
    same = np.column_stack([queries.user.astype(np.int64), queries.history.fingerprint().view(np.int64)])
    _, first, which = np.unique(same, axis=0, return_index=True, return_inverse=True)
    return first.astype(np.int64), which.ravel().astype(np.int64)
