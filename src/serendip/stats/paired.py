"""Paired comparison of models on the same users: a randomisation test, corrected for the number of comparisons.

Under the null hypothesis a user's two values could as well be swapped, so the sign of each difference is a coin toss.
References: Smucker, Allan and Carterette, "A comparison of statistical significance tests for information retrieval
evaluation", CIKM 2007 (the test); Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
Journal of Statistics 6, 1979 (the correction).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from serendip.arrays import F64
from serendip.errors import UserError, nearest
from serendip.stats.bootstrap import BLOCK, estimates

FLIPS = 9999  # with the observed one, 10,000 assignments of signs: p is a multiple of .0001
ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """One model against the baseline on the users that both have a value for."""

    name: str
    baseline: str
    difference: float  # mean of model - baseline
    low: float  # its 95% bootstrap interval
    high: float
    p: float  # two-sided
    p_corrected: float  # after Holm, over all models compared in the same call
    n_users: int
    direction: Literal[1, -1]  # 1 where more is better

    @property
    def beyond_doubt(self) -> bool:
        """Whether the model is better than the baseline with corrected p below .05."""
        return self.p_corrected < ALPHA and self.difference * self.direction > 0


def compare(
    values: Mapping[str, F64],
    baseline: str,
    *,
    weight: F64 | None = None,
    direction: Literal[1, -1] = 1,
    seed: int = 0,
) -> list[Comparison]:
    """Compare every model with the baseline, in the order of `values`.

    values: a value a user, (n_users,), the same users in the same order; a user that is NaN in either is left out of
    that comparison. weight: (n_users,), rows a user where the metric is a mean over rows; None weighs all alike.
    direction: -1 where less is better. Raises UserError where the baseline is not among the values.
    """
    if baseline not in values:
        raise UserError(f"no baseline named {baseline!r} among the models{nearest(baseline, values)}")
    names = [name for name in values if name != baseline]
    if not names:
        return []
    difference = np.stack([values[name] - values[baseline] for name in names], axis=1)  # (n_users, M)
    weights = np.ones(len(difference)) if weight is None else weight
    p = sign_flip(difference * weights[:, None], seed=seed)
    found = estimates(difference, weights, seed=seed)
    return [
        Comparison(name, baseline, e.mean, e.low, e.high, float(p[m]), float(corrected), e.n_users, direction)
        for m, (name, e, corrected) in enumerate(zip(names, found, holm(p), strict=True))
    ]


def sign_flip(difference: F64, n: int = FLIPS, seed: int = 0) -> F64:
    """Return the two-sided p-value of a zero mean for each column of difference (n_users, M), by random signs.

    p = (1 + times that |sum of signed differences| >= |sum of differences|) / (1 + n); NaN users count nothing, and a
    column without any difference has p = 1.
    """
    known = np.nan_to_num(difference, nan=0.0)
    known = known[np.any(known != 0, axis=1)]  # a zero difference stays zero under any sign
    users = len(known)
    observed = np.abs(known.sum(axis=0))
    slack = 1e-12 * np.abs(known).sum(axis=0)  # equal sums may differ by rounding
    random = np.random.default_rng(seed)
    reached = np.zeros(difference.shape[1])
    rows = max(1, min(n, BLOCK // max(users, 1)))
    for first in range(0, n, rows):
        some = min(rows, n - first)
        coins = random.integers(0, 256, size=(some, (users + 7) // 8), dtype=np.uint8)
        heads = np.unpackbits(coins, axis=1, count=users).astype(np.float64)  # (some, users)
        flipped = 2 * (heads @ known) - known.sum(axis=0)
        reached += (np.abs(flipped) >= observed - slack).sum(axis=0)
    return (1 + reached) / (1 + n)


def holm(p: F64) -> F64:
    """Return p-values corrected after Holm: the i-th smallest of m times m - i + 1, never falling, at most 1."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1)
    return corrected
