"""Ranking metrics of scored candidates where items with equal scores stand in random order: the exact expectation.

Of two items that tie, each is ahead half of the time, so a constant score is worth what a random list is worth and a
tie is never resolved in the model's favour. Position p lies in a group of s tied items of which r are relevant:

    hit      P(relevant at p) = r / s                       precision, recall and NDCG are linear in this
    hazard   P(relevant at p | no hit before p) = r / (s - j + 1), p being the group's j-th place     HR and MRR
    together P(relevant at p and at q) = r (r - 1) / (s (s - 1)) in one group, independent otherwise  MAP

Reference: McSherry and Najork, "Computing information retrieval performance measures efficiently in the presence of
tied scores", ECIR 2008.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serendip.arrays import F64, Bool, Ints
from serendip.metrics import ranking

UNKNOWN = np.finfo(np.float64).max  # the place of a score that is NaN: after every other, before padding


@dataclass(frozen=True)
class Tied:
    """The first k positions of each user's candidates, in terms of the tied group that each position lies in."""

    relevant: F64  # (B, k) r: relevant items in the group
    size: F64  # (B, k) s: items in the group
    place: F64  # (B, k) j: which place of its group the position is, from 1
    before: F64  # (B, k) relevant items in the groups ahead

    @property
    def hit(self) -> F64:
        """(B, k): the chance that the item at each position is relevant."""
        return self.relevant / self.size

    @property
    def hazard(self) -> F64:
        """(B, k): the chance of a hit at each position, given that there was none before it."""
        return np.minimum(1, self.relevant / (self.size - self.place + 1))


def tied(score: NDArray[np.floating], relevant: Bool, k: int, valid: Bool | None = None) -> Tied:
    """Sort the candidates by falling score into groups of ties, for `FUNCTIONS` up to rank k.

    score: (B, m); NaN (unknown) and -inf rank last and tie with each other. relevant: (B, m). valid: (B, m), False
    where a row is padding, which never takes a position; None where no row is padded. k may exceed m.
    """
    rows, m = score.shape
    falling = np.clip(-score.astype(np.float64), -UNKNOWN, UNKNOWN)
    falling[np.isnan(score)] = UNKNOWN
    if valid is not None:
        falling[~valid] = np.inf
        relevant = relevant & valid
    order = np.argsort(falling, axis=1, kind="stable")  # (B, m)
    falling = np.take_along_axis(falling, order, axis=1)
    place = np.broadcast_to(np.arange(m), (rows, m))
    new = np.ones((rows, m), bool)
    new[:, 1:] = falling[:, 1:] != falling[:, :-1]
    start = np.maximum.accumulate(np.where(new, place, 0), axis=1)  # (B, m) first place of the group
    last = np.ones((rows, m), bool)
    last[:, :-1] = new[:, 1:]
    end = np.minimum.accumulate(np.where(last, place, m)[:, ::-1], axis=1)[:, ::-1]  # (B, m) its last place
    seen = np.zeros((rows, m + 1))
    seen[:, 1:] = np.cumsum(np.take_along_axis(relevant, order, axis=1), axis=1)  # relevant before each place
    before = np.take_along_axis(seen, start, axis=1)
    within = np.take_along_axis(seen, end + 1, axis=1) - before
    return Tied(
        relevant=_first(within, k, 0),
        size=_first(end - start + 1, k, 1),
        place=_first(place - start + 1, k, 1),
        before=_first(before, k, 0),
    )


def precision(tied: Tied, n_relevant: Ints, k: int) -> F64:
    """Return the expected hits@k / k, (B,)."""
    return ranking.precision(tied.hit, n_relevant, k)


def recall(tied: Tied, n_relevant: Ints, k: int) -> F64:
    """Return the expected hits@k / |relevant|, (B,)."""
    return ranking.recall(tied.hit, n_relevant, k)


def ndcg(tied: Tied, n_relevant: Ints, k: int) -> F64:
    """Return the expected NDCG@k, (B,)."""
    return ranking.ndcg(tied.hit, n_relevant, k)


def hit_rate(tied: Tied, n_relevant: Ints, k: int) -> F64:
    """Return the chance of at least one relevant item among the first k, (B,)."""
    _check(tied, k)
    return np.where(n_relevant > 0, 1 - np.prod(1 - tied.hazard[:, :k], axis=1), np.nan)


def reciprocal_rank(tied: Tied, n_relevant: Ints, k: int) -> F64:
    """Return the expected 1 / rank of the first relevant item among the first k, (B,)."""
    _check(tied, k)
    hazard = tied.hazard[:, :k]
    none_yet = np.ones_like(hazard)
    none_yet[:, 1:] = np.cumprod(1 - hazard, axis=1)[:, :-1]
    return np.where(n_relevant > 0, (none_yet * hazard / np.arange(1, k + 1)).sum(axis=1), np.nan)


def average_precision(tied: Tied, n_relevant: Ints, k: int) -> F64:
    """Return the expected average precision at k, (B,)."""
    _check(tied, k)
    r, s, j, before = (a[:, :k] for a in (tied.relevant, tied.size, tied.place, tied.before))
    together = r * (r - 1) / np.maximum(s * (s - 1), 1)
    gain = (r / s * (1 + before) + (j - 1) * together) / np.arange(1, k + 1)
    return np.where(n_relevant > 0, gain.sum(axis=1) / np.maximum(np.minimum(k, n_relevant), 1), np.nan)


def _first(column: NDArray[np.generic], k: int, padding: float) -> F64:
    """Return the first k columns as float64, with padding on the right where there are fewer."""
    out = np.full((len(column), k), padding, np.float64)
    out[:, : column.shape[1]] = column[:, :k]
    return out


def _check(tied: Tied, k: int) -> None:
    if not 1 <= k <= tied.size.shape[1]:
        raise ValueError(f"k must be between 1 and the {tied.size.shape[1]} positions at hand, got {k}")


FUNCTIONS: dict[str, Callable[[Tied, Ints, int], F64]] = {
    "precision": precision,
    "recall": recall,
    "hr": hit_rate,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "ndcg": ndcg,
}
