"""Percentile bootstrap over users of a mean, weighted or plain.

Users are drawn with replacement, each with all of its rows, so that the dependence between rows of one user is kept.
Reference: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from serendip.arrays import F64

RESAMPLES = 1000
BLOCK = 1 << 22  # draws held at once: about 64 MB


@dataclass(frozen=True)
class Estimate:
    """A mean over users and its interval; all NaN where no user has a value."""

    mean: float
    low: float
    high: float
    n_users: int  # those that have a value


def resamples(n_users: int, n: int = RESAMPLES, seed: int = 0) -> Iterator[F64]:
    """Yield blocks (R, n_users) of how often each user is drawn, n rows in all; each row sums to n_users."""
    random = np.random.default_rng(seed)
    rows = max(1, min(n, BLOCK // max(n_users, 1)))
    for first in range(0, n, rows):
        some = min(rows, n - first)
        drawn = random.integers(n_users, size=(some, n_users)) + np.arange(some)[:, None] * n_users
        yield np.bincount(drawn.ravel(), minlength=some * n_users).reshape(some, n_users).astype(np.float64)


def bounds(value: F64, level: float = 0.95) -> tuple[float, float]:
    """Return the central interval of values of resamples (R,), those that are NaN left out."""
    known = value[~np.isnan(value)]
    if known.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def estimates(
    value: F64,
    weight: F64 | None = None,
    *,
    transform: Callable[[F64], F64] | None = None,
    level: float = 0.95,
    n: int = RESAMPLES,
    seed: int = 0,
) -> list[Estimate]:
    """Estimate the mean over users of each column of value (n_users, M), with the same resamples for all.

    The mean is sum(weight * value) / sum(weight), then `transform` (np.sqrt for RMSE, whose value is a user's mean
    squared error and whose weight is its number of rows). weight: (n_users,) or as value; None weighs all alike. A user
    whose value is NaN or whose weight is 0 is left out of that column, as if it were not there.
    """
    weights = np.ones_like(value) if weight is None else np.broadcast_to(weight.reshape(len(value), -1), value.shape)
    there = ~np.isnan(value) & (weights > 0)  # (n_users, M)
    patterns, which = np.unique(there, axis=1, return_inverse=True)
    which = which.ravel()
    out = [Estimate(np.nan, np.nan, np.nan, 0)] * value.shape[1]
    for pattern in range(patterns.shape[1]):  # columns with the same users share their resamples
        users, columns = np.flatnonzero(patterns[:, pattern]), np.flatnonzero(which == pattern)
        if users.size == 0:
            continue
        below = weights[np.ix_(users, columns)]
        above = below * value[np.ix_(users, columns)]
        means = np.concatenate([(c @ above) / (c @ below) for c in resamples(users.size, n, seed)])  # (n, |columns|)
        mean = above.sum(axis=0) / below.sum(axis=0)
        if transform is not None:
            means, mean = transform(means), transform(mean)
        for at, column in enumerate(columns):
            out[column] = Estimate(float(mean[at]), *bounds(means[:, at], level), users.size)
    return out


def estimate(
    value: F64,
    weight: F64 | None = None,
    *,
    transform: Callable[[F64], F64] | None = None,
    level: float = 0.95,
    n: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Estimate the mean over users of one value a user, (n_users,); see `estimates`."""
    return estimates(value[:, None], weight, transform=transform, level=level, n=n, seed=seed)[0]
