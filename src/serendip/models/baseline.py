"""What a rating would be if only the user's and the item's habits counted.

Koren, "Factor in the Neighbors: Scalable and Accurate Collaborative Filtering", TKDD 4(1), 2010, section 2.1.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, in_table, rows_of
from serendip.data.queries import Queries
from serendip.models.ratings import scale_of

SWEEPS = 10
L2_USER, L2_ITEM = 15.0, 10.0  # in units of ratings


@dataclass(frozen=True)
class Baseline:
    """b_ui = mean + b_u + b_i; b_u follows from the history in the query, so that newcomers have one too.

    item_bias (n_items,) float32, 0 for an item without ratings; clip: the rating scale seen in the data.
    """

    mean: float
    item_bias: F32
    clip: tuple[float, float]
    l2_user: float = L2_USER

    @staticmethod
    def of(ratings: CSR, l2_user: float = L2_USER, l2_item: float = L2_ITEM, sweeps: int = SWEEPS) -> "Baseline":
        """Return the baseline of ratings (n_users, n_items): alternating ridge regression of the two biases."""
        mean = float(ratings.data.mean(dtype=np.float64))
        n_users, n_items = ratings.shape
        rated = csr_matrix((np.ones(ratings.nnz), ratings.indices, ratings.indptr), shape=ratings.shape)
        n_user, n_item = np.diff(ratings.indptr), np.bincount(ratings.indices, minlength=n_items)
        of_user = ratings @ np.ones(n_items) - mean * n_user  # sums of what ratings say beyond the mean
        of_item = ratings.T @ np.ones(n_users) - mean * n_item
        item_bias = np.zeros(n_items)
        for _ in range(sweeps):
            user_bias = (of_user - rated @ item_bias) / (l2_user + n_user)
            item_bias = (of_item - rated.T @ user_bias) / (l2_item + n_item)
        return Baseline(mean, item_bias.astype(np.float32), scale_of(ratings), l2_user)

    def user_bias(self, ratings: CSR) -> F32:
        """Return how much more than others each row's user gives.  # (B, n_items) -> (B,)"""
        n = np.diff(ratings.indptr)
        rest = ratings.data - np.float32(self.mean) - self.item_bias[ratings.indices]
        total = np.bincount(np.repeat(np.arange(len(n)), n), rest, minlength=len(n))
        return np.asarray(total / (self.l2_user + n), np.float32)

    def residuals(self, ratings: CSR) -> CSR:
        """Return what ratings say beyond the baseline, zeros stored.  # (B, n_items)"""
        rest = ratings.copy()
        row = rows_of(ratings)
        rest.data = ratings.data - self.user_bias(ratings)[row] - self.item_bias[ratings.indices]
        rest.data -= np.float32(self.mean)
        return rest

    def ratings(self, queries: Queries, item: I32, beyond: F32) -> F32:
        """Return b_ui, for items known and unknown, and what is known beyond it, on the scale.  # (B,) -> (B,)"""
        known, at = in_table(item, len(self.item_bias))
        bias = np.where(known, self.item_bias[at], np.float32(0))
        user = self.user_bias(queries.history.ratings(len(self.item_bias)))
        rating = np.clip(np.float32(self.mean) + user + bias + beyond, *self.clip)
        return np.asarray(rating, np.float32)
