"""What a rating is measured from, so that ratings of different users and items can be compared.

Herlocker, Konstan, Borchers, Riedl, "An Algorithmic Framework for Performing Collaborative Filtering", SIGIR 1999;
Koren, "Factor in the Neighbors: Scalable and Accurate Collaborative Filtering", TKDD 4(1), 2010, section 2.1.
"""

from dataclasses import dataclass

import numpy as np

from serendip.arrays import CSR, F32, rows_of
from serendip.models.baseline import Baseline

CENTRES = ("baseline", "mean", "zscore", "none")
SUPPORT = 5.0  # ratings at the scale of all that a standard deviation begins with, so that few do not make it 0


@dataclass(frozen=True)
class Centre:
    """r_ui = m_ui + s_ui z_ui; z is compared and averaged.

    baseline: m is the baseline, s = 1; mean: m is the mean rating of the user, or of the item, s = 1; zscore: s is
    their standard deviation beside that; none: m = 0, s = 1. of_user: the user's mean, or else the item's.
    column, scale (n_items,): what the item adds to m, and its factor of s; spread: the standard deviation of all.
    """

    kind: str
    of_user: bool
    baseline: Baseline
    column: F32
    scale: F32
    spread: float

    @staticmethod
    def of(ratings: CSR, kind: str, of_user: bool, baseline: Baseline) -> "Centre":
        """Return the centre of ratings (n_users, n_items)."""
        column, scale = np.zeros(ratings.shape[1], np.float32), np.ones(ratings.shape[1], np.float32)
        spread = max(float(ratings.data.std(dtype=np.float64)), 1e-3)
        if kind == "baseline":
            column = baseline.item_bias + np.float32(baseline.mean)
        if kind in ("mean", "zscore") and not of_user:
            column, deviation = moments(ratings.T.tocsr(), baseline.mean, spread)
            scale = deviation if kind == "zscore" else scale
        return Centre(kind, of_user, baseline, column, scale, spread)

    @property
    def unknown(self) -> float:
        """What an item without ratings adds to m."""
        of_item = self.kind == "baseline" or (self.kind != "none" and not self.of_user)
        return self.baseline.mean if of_item else 0.0

    def rows(self, ratings: CSR) -> tuple[F32, F32]:
        """Return what each history's user adds to m, and their factor of s.  # (B, n_items) -> (B,), (B,)"""
        n = ratings.shape[0]
        if self.kind == "baseline":
            return self.baseline.user_bias(ratings), np.ones(n, np.float32)
        if self.kind == "none" or not self.of_user:
            return np.zeros(n, np.float32), np.ones(n, np.float32)
        mean, deviation = moments(ratings, self.baseline.mean, self.spread)
        return mean, deviation if self.kind == "zscore" else np.ones(n, np.float32)

    def beyond(self, ratings: CSR) -> CSR:
        """Return z of the ratings, zeros stored.  # (B, n_items)"""
        rest, row = ratings.copy(), rows_of(ratings)
        m, s = self.rows(ratings)
        rest.data = (ratings.data - m[row] - self.column[ratings.indices]) / (s[row] * self.scale[ratings.indices])
        return rest


def moments(rows: CSR, mean: float, spread: float) -> tuple[F32, F32]:
    """Return each row's mean, `mean` where it is empty, and standard deviation drawn to `spread`.  # (B,), (B,)"""
    n = np.diff(rows.indptr)
    row = np.repeat(np.arange(len(n)), n)
    m = np.where(n > 0, np.bincount(row, rows.data, len(n)) / np.maximum(n, 1), mean)
    square = np.bincount(row, (rows.data - m[row]) ** 2, len(n))
    return m.astype(np.float32), np.sqrt((square + SUPPORT * spread**2) / (n + SUPPORT)).astype(np.float32)
