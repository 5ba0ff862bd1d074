"""What shapes share whose score is a linear function of the history, as weights of items or a filter of a signal."""

from abc import abstractmethod

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32
from serendip.data.queries import Queries
from serendip.data.slates import Slates, picked
from serendip.models.contract import Model
from serendip.models.likeness import most_like


class Linear(Model):
    """score(u, .) = f(x_u), f linear; an empty history scores NaN. Items are alike as one answers a history of another.

    Its shapes are frozen dataclasses, and say what f is.
    """

    @abstractmethod
    def answered(self, x: CSR) -> F32:
        """Return f of histories, NaN for items that the fit has not seen.  # (B, n_items) -> (B, n_items)"""

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        x = queries.history.matrix(self.rules, self.n_items)
        score = self.answered(x)
        score[np.diff(x.indptr) == 0] = np.nan
        return picked(score, item)

    def similar(self, item: I32, k: int) -> Slates:
        """Return the k items most like each, itself left out; none for an item that the fit has not seen."""
        n = len(item)
        score = self.answered(csr_matrix((np.ones(n, np.float32), item, np.arange(n + 1)), shape=(n, self.n_items)))
        score[np.isnan(score[np.arange(n), item])] = np.nan
        return most_like(item, score, k, self.items.tie)
