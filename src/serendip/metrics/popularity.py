"""How popular what is shown is: novelty and popularity lift, one value a user, NaN where the slate is empty.

References: Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems", PNAS 2010 (novelty);
Abdollahpouri et al., "The unfairness of popularity bias in recommendation", RMSE at RecSys 2019 (popularity lift).
"""

import numpy as np
from numpy.typing import NDArray

from serendip.arrays import F64, Ints


def novelty(item: Ints, popularity: NDArray[np.number], k: int) -> F64:
    """Return the mean self-information of the first k items in bits, (B,).

    item: (B, k_max), -1 is padding. popularity: (n_items,), interactions of each item in the training part; an item
    that has none counts as if it had one, so that its surprise is finite.
    """
    count = np.maximum(popularity.astype(np.float64), 1)
    return slate_mean(item, -np.log2(count / max(float(popularity.sum()), 1.0)), k)


def slate_mean(item: Ints, weight: NDArray[np.number], k: int) -> F64:
    """Return the mean of weight (n_items,) over the items among the first k, (B,): popularity where it is given."""
    top = item[:, :k]
    shown = top >= 0
    if len(weight) == 0:
        return np.full(len(item), np.nan)
    total: F64 = np.where(shown, weight[np.maximum(top, 0)], 0).sum(axis=1, dtype=np.float64)
    return _mean(total, shown.sum(axis=1))


def history_mean(indptr: Ints, indices: Ints, weight: NDArray[np.number]) -> F64:
    """Return the mean of weight (n_items,) over each user's own history, given as CSR, (B,); NaN where it is empty."""
    rows, length = len(indptr) - 1, np.diff(indptr)
    row = np.repeat(np.arange(rows), length)
    total = np.bincount(row, weight[indices[indptr[0] : indptr[-1]]].astype(np.float64), minlength=rows)
    return _mean(total.astype(np.float64), length)


def popularity_lift(slate: F64, history: F64) -> float:
    """Return mean(slate) / mean(history) - 1 over the users that have both: 0 where slates are as popular as histories.

    slate and history: (B,), each user's mean popularity in the slate (`slate_mean`) and in the history.
    """
    both = ~np.isnan(slate) & ~np.isnan(history)
    past = float(history[both].sum())
    return float(slate[both].sum()) / past - 1 if past else float("nan")


def _mean(total: F64, n: Ints) -> F64:
    value = np.full(len(total), np.nan)
    np.divide(total, n, out=value, where=n > 0)
    return value
