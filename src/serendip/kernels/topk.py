"""The k best items of each user, exactly: by inner product, a block of scores in memory at a time, or on given scores.

The order is score descending, then `tie` ascending. `tie` holds each item's rank in a permutation that has nothing to
do with the items' order, so that equal scores favour nobody.
"""

import numpy as np

from serendip.arrays import F32, I32, I64, ItemLists
from serendip.kernels import compiled
from serendip.kernels.csr import checked_lists


def topk_dot(
    q: F32,
    y: F32,
    bias: F32 | None,
    k: int,
    tie: I32,
    *,
    exclude: ItemLists | None = None,
    threads: int | None = None,
) -> tuple[I32, F32]:
    """Return the k items with the largest q_u . y_i + bias_i for each row of q.

    A score is one float32 sum in the order of the factors, whatever else is asked at the same time and on however many
    threads: equal vectors score exactly equal, and the answer for a user does not depend on the other users. Items
    whose norm is too small to enter are passed over (Cauchy and Schwarz), and where the machine multiplies bytes those
    whose factors in 8 bits say so, too, without changing the answer.

    Args:
        q: (B, rank) a row a user.
        y: (n, rank) a row an item.
        bias: (n,) added to the inner product, or None.
        k: how many; where fewer items remain, the rest is padding.
        tie: (n,) a permutation of 0..n-1: of equal scores the smaller goes first.
        exclude: items of each user that are not selected, in any order; None: none.
        threads: None means every core.

    Returns:
        item (B, k) int32 padded with -1, score (B, k) float32 padded with NaN. A NaN score (from a NaN in q, y or
        bias) is never selected.

    Raises:
        ValueError: shapes that do not fit, or an excluded item outside [0, n).
    """
    q, y = np.ascontiguousarray(q, np.float32), np.ascontiguousarray(y, np.float32)
    if q.ndim != 2 or y.ndim != 2 or q.shape[1] != y.shape[1]:
        raise ValueError(f"q {q.shape} and y {y.shape} must be matrices of equal rank")
    if bias is not None:
        bias = np.ascontiguousarray(bias, np.float32)
        if bias.shape != (len(y),):
            raise ValueError(f"bias {bias.shape} must have one entry for each of the {len(y)} items")
    tie = np.ascontiguousarray(tie, np.int32)
    exclude = checked(exclude, len(q), len(y), k)
    if len(tie) != len(y):
        raise ValueError(f"tie {tie.shape} must have one entry for each of the {len(y)} items")
    if not compiled.native:
        compiled.say_once()
        return topk_dot_numpy(q, y, bias, k, tie, exclude)
    item, score = np.full((len(q), k), -1, np.int32), np.full((len(q), k), np.nan, np.float32)
    if item.size:
        threads = threads or compiled.default_threads()
        compiled.module.topk_dot(q, y, bias, tie, *pair(exclude), item, score, threads)
    return item, score


def topk_dense(
    scores: F32,
    k: int,
    tie: I32,
    *,
    item: I32 | None = None,
    exclude: ItemLists | None = None,
    threads: int | None = None,
) -> tuple[I32, F32]:
    """Return the k items with the largest given scores for each row.

    Args:
        scores: (B, m) float32; NaN is unknown and never selected.
        k: how many; where fewer items remain, the rest is padding.
        tie: (n,) a permutation of 0..n-1, n > every item: of equal scores the smaller goes first.
        item: (B, m) int32, the item in each place, each at most once a row, -1 for padding; None: column j is item j.
        exclude: items of each user that are not selected, in any order; None: none.
        threads: None means every core.

    Returns:
        item (B, k) int32 padded with -1, score (B, k) float32 padded with NaN.

    Raises:
        ValueError: shapes that do not fit, or an item outside [0, n).
    """
    scores = np.ascontiguousarray(scores, np.float32)
    if scores.ndim != 2:
        raise ValueError(f"scores must be a matrix, not of shape {scores.shape}")
    tie = np.ascontiguousarray(tie, np.int32)
    exclude = checked(exclude, len(scores), len(tie), k)
    if item is None and scores.shape[1] > len(tie):
        raise ValueError(f"scores {scores.shape} have more columns than tie {tie.shape} has items")
    if item is not None:
        item = np.ascontiguousarray(item, np.int32)
        if item.shape != scores.shape:
            raise ValueError(f"item {item.shape} must have the shape of scores {scores.shape}")
        if item.size and not (item.min() >= -1 and item.max() < len(tie)):
            raise ValueError(f"item must lie in [-1, {len(tie)}), where -1 is padding")
    if not compiled.native:
        compiled.say_once()
        return topk_dense_numpy(scores, k, tie, item, exclude)
    best, best_score = np.full((len(scores), k), -1, np.int32), np.full((len(scores), k), np.nan, np.float32)
    if best.size:
        threads = threads or compiled.default_threads()
        compiled.module.topk_dense(scores, tie, item, *pair(exclude), best, best_score, threads)
    return best, best_score


def topk_dot_numpy(
    q: F32,
    y: F32,
    bias: F32 | None,
    k: int,
    tie: I32,
    exclude: ItemLists | None = None,
) -> tuple[I32, F32]:
    """Do what `topk_dot` does, a block of users at a time; equal up to the rounding of the sums."""
    item, score = np.full((len(q), k), -1, np.int32), np.full((len(q), k), np.nan, np.float32)
    block = max(1, 2**24 // max(1, len(y)))
    for begin in range(0, len(q), block):
        rows = slice(begin, begin + block)
        scores = np.einsum("uf,if->ui", q[rows], y)  # (block, n); unlike BLAS it sums equal rows alike
        if bias is not None:
            scores = scores + bias
        part = None if exclude is None else exclude.rows(rows)
        item[rows], score[rows] = topk_dense_numpy(scores, k, tie, None, part)
    return item, score


def topk_dense_numpy(
    scores: F32,
    k: int,
    tie: I32,
    item: I32 | None = None,
    exclude: ItemLists | None = None,
) -> tuple[I32, F32]:
    """Do what `topk_dense` does, by sorting each row."""
    best, best_score = np.full((len(scores), k), -1, np.int32), np.full((len(scores), k), np.nan, np.float32)
    for u, s in enumerate(scores):
        place = np.arange(len(s), dtype=np.int32) if item is None else item[u]
        kept = (place >= 0) & ~np.isnan(s)
        if exclude is not None:
            kept &= ~np.isin(place, exclude[u])
        place, s = place[kept], s[kept]
        order = np.lexsort((place, tie[place], -s))[:k]
        best[u, : len(order)], best_score[u, : len(order)] = place[order], s[order]
    return best, best_score


def checked(lists: ItemLists | None, n_users: int, n_items: int, k: int) -> ItemLists | None:
    """Return lists of items, where there are any, in arrays as the kernels read them.

    Raises:
        ValueError: k is negative, there is not a list a user, or an item lies outside [0, n_items).
    """
    if k < 0:
        raise ValueError(f"k must not be negative, and is {k}")
    return None if lists is None else checked_lists(lists, n_users, n_items)


def pair(lists: ItemLists | None) -> tuple[I64, I32] | tuple[None, None]:
    """Return lists as the two arrays that the compiled kernels take."""
    return (None, None) if lists is None else (lists.offset, lists.item)
