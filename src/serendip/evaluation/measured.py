"""A metric of one model before it is boiled down to a number: what intervals and comparisons are made from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from serendip.arrays import F32, F64, I64, Bool
from serendip.metrics.discrimination import auc, resampled_auc
from serendip.stats.bootstrap import Estimate, bounds, estimate, resamples


@dataclass(frozen=True)
class UserMean:
    """A value a user (B,), NaN where there is none; weight (B,) where users count by rows; transform: of the mean."""

    value: F64
    weight: F64 | None = None
    transform: Callable[[F64], F64] | None = None

    @property
    def mean(self) -> float:
        """The mean alone, as `estimate` has it; NaN where no user has a value."""
        weight = np.ones_like(self.value) if self.weight is None else self.weight
        there = ~np.isnan(self.value) & (weight > 0)
        if not there.any():
            return float("nan")
        mean = np.average(self.value[there], weights=weight[there], keepdims=True)
        return float(mean[0] if self.transform is None else self.transform(mean)[0])

    def estimate(self, seed: int = 0) -> Estimate:
        """Return the mean and its 95% bootstrap interval over users."""
        return estimate(self.value, self.weight, transform=self.transform, seed=seed)

    def of(self, users: Bool) -> "UserMean":
        """Return the values of some users.  # (B,)"""
        return UserMean(self.value[users], None if self.weight is None else self.weight[users], self.transform)


@dataclass(frozen=True)
class PooledAUC:
    """AUC over the rows of all users: label, score, query (n,), queries numbered below n_users."""

    label: F32
    score: F32
    query: I64
    n_users: int

    @property
    def mean(self) -> float:
        """The AUC alone."""
        return auc(self.label, self.score)

    def estimate(self, seed: int = 0) -> Estimate:
        """Return the AUC and its 95% bootstrap interval, users drawn with all of their rows."""
        drawn = [resampled_auc(self.label, self.score, self.query, c) for c in resamples(self.n_users, seed=seed)]
        return Estimate(self.mean, *bounds(np.concatenate(drawn)), self.n_users)

    def of(self, users: Bool) -> "PooledAUC":
        """Return the AUC over the rows of some users.  # (B,)"""
        keep = users[self.query]
        number = np.cumsum(users) - 1
        return PooledAUC(self.label[keep], self.score[keep], number[self.query[keep]], int(users.sum()))


@dataclass(frozen=True)
class Whole:
    """One number for the slates of all users together, which has no interval over users."""

    value: float
    n_users: int

    @property
    def mean(self) -> float:
        """The number itself."""
        return self.value

    def estimate(self, seed: int = 0) -> Estimate:
        """Return the number, its interval NaN."""
        return Estimate(self.value, float("nan"), float("nan"), self.n_users)

    def of(self, users: Bool) -> "Whole":
        """Return no number: a part of the users is not the whole."""
        return Whole(float("nan"), int(users.sum()))


Measured: TypeAlias = UserMean | PooledAUC | Whole
