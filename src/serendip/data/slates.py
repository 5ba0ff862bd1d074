"""What a model answers: ordered lists of items, and where a score came from."""

from dataclasses import dataclass

import numpy as np

from serendip.arrays import CSR, F32, I32, I64, in_table, offsets, rows_of, runs_of


@dataclass(frozen=True)
class Slates:
    """Ordered lists: item (B, k) int32 padded with -1; score (B, k) float32, NaN at the padding.

    propensity (B, k): the probability that the item stood there, where chance took part.
    """

    item: I32
    score: F32
    propensity: F32 | None = None

    @staticmethod
    def empty(n: int, k: int) -> "Slates":
        """Return n slates of k positions that hold nothing."""
        return Slates(np.full((n, k), -1, np.int32), np.full((n, k), np.nan, np.float32))

    def __len__(self) -> int:
        return len(self.item)

    @property
    def filled(self) -> I64:
        """How many positions hold an item.  # (B,)"""
        return np.asarray(np.count_nonzero(self.item >= 0, axis=1), np.int64)

    def first(self, k: int) -> "Slates":
        """Return the first k positions."""
        return Slates(self.item[:, :k], self.score[:, :k], None if self.propensity is None else self.propensity[:, :k])


def picked(score: F32, item: I32 | None) -> F32:
    """Return the scores of the items asked for, NaN at the padding and for items beyond; all where none are asked for.

    score (B, n_items), item (B, m) -> (B, m)
    """
    if item is None:
        return score
    known, at = in_table(item, score.shape[1])
    return np.where(known, np.take_along_axis(score, at, axis=1), np.float32(np.nan))


def stacked(slates: list[Slates], k: int) -> Slates:
    """Return the slates of consecutive blocks of queries as one."""
    if not slates:
        return Slates(np.empty((0, k), np.int32), np.empty((0, k), np.float32))
    propensity = [s.propensity for s in slates if s.propensity is not None]
    return Slates(
        np.concatenate([s.item for s in slates]),
        np.concatenate([s.score for s in slates]),
        np.concatenate(propensity) if len(propensity) == len(slates) else None,
    )


@dataclass(frozen=True)
class Contributions:
    """Where the score of one item a query came from; the weights of a query sum to its score.

    offset (B + 1,) int64; item (nnz,) int32: the history item a part is owed to, -1 where it is owed to none;
    weight (nnz,) float32; reason (nnz,) int8 into reasons.
    """

    offset: I64
    item: I32
    weight: F32
    reason: I32
    reasons: tuple[str, ...]

    @property
    def row(self) -> I64:
        """Which of the scores each part belongs to.  # (nnz,)"""
        return runs_of(self.offset)

    @staticmethod
    def whole(score: F32, reason: str = "overall") -> "Contributions":
        """Return scores as one part each, owed to no item.  # (B,)"""
        n = len(score)
        return Contributions(np.arange(n + 1), np.full(n, -1, np.int32), score, np.zeros(n, np.int32), (reason,))

    @staticmethod
    def because(x: CSR, weight: F32, reason: str = "because of") -> "Contributions":
        """Return what each history item adds, those that add nothing left out.  # x (M, n_items), weight (nnz,)"""
        row = rows_of(x)
        say = weight != 0
        count = np.bincount(row[say], minlength=x.shape[0]).astype(np.int64)
        item, weight = x.indices[say], weight[say].astype(np.float32)
        return Contributions(offsets(count), item, weight, np.zeros(len(item), np.int32), (reason,))
