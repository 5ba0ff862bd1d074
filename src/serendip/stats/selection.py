"""What the best of many tried is worth: the maximum of noisy means flatters, and this says by how much.

References: Tsamardinos, Greasidou, Borboudakis, "Bootstrapping the out-of-sample predictions for efficient and accurate
cross-validation", Machine Learning 107, 2018 (choosing within a resample, judging on whom it left out); Dodge,
Gururangan, Card, Schwartz, Smith, "Show Your Work: Improved Reporting of Experimental Results", EMNLP 2019 (the
expected best of so many trials).
"""

from dataclasses import dataclass
from math import comb

import numpy as np

from serendip.arrays import F64
from serendip.stats.bootstrap import BLOCK, RESAMPLES, bounds, resamples


@dataclass(frozen=True)
class Gain:
    """What choosing brought over the first, as new users would see it.

    seen: on those by whom it was chosen. mean, low, high: on users who had no say. sure: the share of resamples in
    which the same one is chosen again.
    """

    seen: float
    mean: float
    low: float
    high: float
    sure: float


def gain(value: F64, seed: int = 0) -> Gain:
    """Return what the best column of value (n_users, M), more being better, gains over column 0.

    Users are drawn with replacement; the best column of a resample is judged on the users that it left out. Users with
    a NaN anywhere are left out.
    """
    value = value[~np.isnan(value).any(axis=1)]
    n, m = value.shape
    if n < 2 or m < 2:
        return Gain(0.0, 0.0, 0.0, 0.0, 1.0)
    best = int(value.mean(axis=0).argmax())
    rows, chosen = [], []
    for counts in resamples(n, min(RESAMPLES, max(100, BLOCK * 40 // (n * m))), seed):
        out = counts == 0  # (R, n)
        first = (counts @ value).argmax(axis=1)  # (R,)
        chosen.append(first)
        left = out @ (value - value[:, :1]) / np.maximum(out.sum(axis=1), 1)[:, None]  # (R, M)
        rows.append(left[np.arange(len(first)), first])
    gained = np.concatenate(rows)
    low, high = bounds(gained)
    again = float(np.mean(np.concatenate(chosen) == best))
    # A left-out part is 1/e of the users, drawn from them: its mean varies more than that of all by sqrt(e - 1).
    middle = float(gained.mean())
    shrink = float((np.e - 1) ** -0.5)
    return Gain(float(value[:, best].mean() - value[:, 0].mean()), middle, middle + (low - middle) * shrink,
                middle + (high - middle) * shrink, again)  # fmt: skip


def expected_best(tried: F64, k: int) -> float:
    """Return the mean best of k of the values tried, in any order; more is better."""
    n = len(tried)
    best = np.sort(tried)
    total = comb(n, k)
    return float(sum(comb(i, k - 1) / total * best[i] for i in range(k - 1, n)))


def next_doubling(tried: F64) -> float | None:
    """Return what as many trials again would likely add: the last doubling's gain, falling as it fell before.

    None below 8 trials. The curve is that of trials in any order, so a search that learns is taken for a lesser one.
    """
    n = len(tried)
    if n < 8:
        return None
    quarter, half, whole = (expected_best(tried, k) for k in (n // 4, n // 2, n))
    before, last = half - quarter, whole - half
    return last * min(last / before, 1.0) if before > 0 else 0.0
