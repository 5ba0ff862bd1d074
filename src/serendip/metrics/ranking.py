"""Ranking metrics at k from the hits of each slate: one float64 value a user, NaN where nothing is relevant.

The values are what means, intervals and paired tests are made from; the mean leaves NaN users out. A user whose slate
is empty has no hits and counts as zero. Formulas and the dialects of other libraries: docs/metrics.md.

Reference: Jarvelin and Kekalainen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002 (NDCG).
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from serendip.arrays import F64, Bool, Ints
from serendip.kernels.ranking import rank_metrics


def hits(item: Ints, indptr: Ints, indices: Ints) -> Bool:
    """Return which slate positions hold a relevant item.

    item: (B, k), padded with -1, which never hits. indptr (B + 1,) and indices hold the relevant items of each row as
    CSR; indptr may be a slice of a larger one. Order within a row is free.
    """
    return measured(item, indptr, indices, np.zeros(len(item), np.int64), ())[0]


def measured(
    item: Ints, indptr: Ints, indices: Ints, n_relevant: Ints, wanted: Sequence[tuple[str, int]]
) -> tuple[Bool, F64]:
    """Return what `hits` does, and each wanted (name, k) of every user, in one pass.  # (B, k), (M, B)

    Names are those of `FUNCTIONS`; n_relevant (B,) may count relevant items that indices leaves out.
    """
    part = np.asarray(indices[indptr[0] : indptr[-1]], np.int32)
    return rank_metrics(
        np.asarray(item, np.int32), np.asarray(indptr, np.int64) - indptr[0], part,
        np.asarray(n_relevant, np.int64), wanted,
    )  # fmt: skip


def precision(hit: NDArray[np.generic], n_relevant: Ints, k: int) -> F64:
    """Return hits@k / k, (B,); a slate shorter than k is still divided by k."""
    return _ratio(_top(hit, k).sum(axis=1), np.full(len(hit), k), n_relevant)


def recall(hit: NDArray[np.generic], n_relevant: Ints, k: int) -> F64:
    """Return hits@k / |relevant|, (B,); at most k / |relevant| where more than k items are relevant."""
    return _ratio(_top(hit, k).sum(axis=1), n_relevant, n_relevant)


def hit_rate(hit: NDArray[np.generic], n_relevant: Ints, k: int) -> F64:
    """Return 1 where any of the first k is relevant, else 0, (B,)."""
    return _ratio(_top(hit, k).max(axis=1), np.ones(len(hit)), n_relevant)


def reciprocal_rank(hit: NDArray[np.generic], n_relevant: Ints, k: int) -> F64:
    """Return 1 / rank of the first relevant item among the first k, 0 where there is none, (B,)."""
    top = _top(hit, k)
    first = np.where(top.any(axis=1), 1 / (1 + top.argmax(axis=1)), 0)
    return _ratio(first, np.ones(len(hit)), n_relevant)


def average_precision(hit: NDArray[np.generic], n_relevant: Ints, k: int) -> F64:
    """Return the sum of precision@p over the hits p <= k, divided by min(k, |relevant|), (B,)."""
    top = _top(hit, k)
    gain = (top * np.cumsum(top, axis=1) / np.arange(1, k + 1)).sum(axis=1)
    return _ratio(gain, np.minimum(k, n_relevant), n_relevant)


def ndcg(hit: NDArray[np.generic], n_relevant: Ints, k: int) -> F64:
    """Return DCG@k with binary gain and log2 discount over the best DCG of min(k, |relevant|) items, (B,)."""
    discount = 1 / np.log2(np.arange(2, k + 2))  # (k,)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.clip(n_relevant, 0, k)]
    return _ratio(_top(hit, k) @ discount, ideal, n_relevant)


def _top(hit: NDArray[np.generic], k: int) -> F64:
    """Return the first k columns as float64."""
    if not 1 <= k <= hit.shape[1]:
        raise ValueError(f"k must be between 1 and the {hit.shape[1]} positions at hand, got {k}")
    return hit[:, :k].astype(np.float64)


def _ratio(above: F64, below: F64 | Ints, n_relevant: Ints) -> F64:
    """Return above / below, NaN for users with nothing relevant."""
    value = np.full(len(n_relevant), np.nan)
    np.divide(above, below, out=value, where=n_relevant > 0)
    return value


FUNCTIONS: dict[str, Callable[[NDArray[np.generic], Ints, int], F64]] = {
    "precision": precision,
    "recall": recall,
    "hr": hit_rate,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "ndcg": ndcg,
}
