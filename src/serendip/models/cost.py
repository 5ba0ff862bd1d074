"""What a fit costs before it is begun: its algorithm's own formula over the size of the data."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from serendip.arrays import F64, I64

WEIGHT = 8  # bytes of a stored number of a sparse matrix: itself and its column
CLASSES = 512  # of items as popular as each other, of which pairs are counted


@dataclass(frozen=True)
class Size:
    """How large a data set is.

    user (n_users,), item (n_items,): how many events each has. pairs: interactions after events of a pair are one and
    ratings below the threshold are left out. ratings: pairs that have a rating. timed: events have timestamps.
    item_features (n_items rows), user_features (n_users rows): attributes in any order of rows, null where missing.
    """

    user: I64
    item: I64
    pairs: float
    ratings: float = 0.0
    timed: bool = True
    item_features: pl.DataFrame | None = None
    user_features: pl.DataFrame | None = None

    @property
    def n_users(self) -> int:
        return len(self.user)

    @property
    def n_items(self) -> int:
        return len(self.item)

    @property
    def events(self) -> int:
        """How many events there are."""
        return int(self.user.sum())

    @property
    def taken(self) -> float:
        """How many events come to an interaction."""
        return self.events * min(self.pairs / self.ratings, 1.0) if self.ratings else float(self.events)

    def part(self, share: float) -> "Size":
        """Return the size of a share of the events, drawn at random, of the same users and items."""
        user, item = (
            np.diff(np.rint(np.cumsum(count) * share), prepend=0).astype(np.int64) for count in (self.user, self.item)
        )
        return replace(self, user=user, item=item, pairs=share * self.pairs, ratings=share * self.ratings)

    def met(self, stored: float) -> float:
        """Return sum n_u^2, how often two items meet in a user, where `stored` of the events are stored numbers."""
        return float(np.square(self.user.astype(np.float64)).sum()) * (stored / max(self.events, 1)) ** 2

    def near(self, stored: float, most: float = np.inf) -> F64:
        """Return about how many other items share a user with an item, at most `most`, for each class of items as
        popular as each other, times its items.  # (classes,)

        Two items meet met n_i n_j / stored^2 times on average, were users to choose by popularity alone.
        """
        share = np.sort(self.item)[::-1] / max(self.events, 1)  # (n_items,)
        parts = np.array_split(share, min(CLASSES, len(share)))
        mean, count = np.array([part.mean() for part in parts]), np.array([len(part) for part in parts])
        others = -np.expm1(-self.met(stored) * mean[:, None] * mean) @ count  # (classes,)
        return np.asarray(count * np.minimum(others, most), np.float64)


@dataclass(frozen=True)
class Cost:
    """memory: bytes that a fit holds at once, at most, beside the data set and its interactions. operations: about how
    many steps it takes, in units of the algorithm's own: only their ratio for two sizes counts."""

    memory: float
    operations: float
