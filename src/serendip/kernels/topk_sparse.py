"""The k best items of each history by a sum of sparse rows, exactly, without the matrix of scores.

Gustavson: Two Fast Algorithms for Sparse Matrices, ACM TOMS 4(3), 1978. The order is that of `topk_dense`.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import F32, I32, I64, Bool, ItemLists, rows_of
from serendip.kernels import compiled
from serendip.kernels.csr import checked_csr
from serendip.kernels.topk import checked, pair, topk_dense_numpy

FEW = 8  # users that one thread takes at a time
BLOCK = 1 << 24  # scores that the twin holds at once


@dataclass(frozen=True)
class SparseRows:
    """A sparse matrix (n_rows, n_items) as the kernel reads it, checked once and kept."""

    indptr: I64
    indices: I32
    data: F32
    n_items: int

    @classmethod
    def of(cls, matrix: csr_matrix) -> Self:
        """Return the rows of a matrix.

        Raises:
            ValueError: a broken CSR matrix.
        """
        return cls(*checked_csr(matrix), matrix.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """As of any matrix."""
        return len(self.indptr) - 1, self.n_items


def topk_sparse(
    x: csr_matrix,
    weights: SparseRows,
    known: Bool,
    k: int,
    tie: I32,
    *,
    candidates: ItemLists | None = None,
    exclude: ItemLists | None = None,
    threads: int | None = None,
) -> tuple[I32, F32]:
    """Return the k items with the largest scores in each row of x W.

    An item that no stored entry reaches, or whose sum is 0 or NaN, is unknown and never selected. A score is one
    float32 sum in the order of the row of x: SciPy's product to the bit, on any number of threads.

    Args:
        x: (B, n_rows) float32 CSR, a row a user.
        weights: W (n_rows, n_items).
        known: (n_items,) whether an item may be selected at all.
        k: how many; where fewer items remain, the rest is padding.
        tie: (n_items,) a permutation of 0..n_items-1: of equal scores the smaller goes first.
        candidates: the only items of each user that may be selected, in any order, -1 as padding; None: all.
        exclude: items of each user that are not selected, in any order; None: none.
        threads: None means every core.

    Returns:
        item (B, k) int32 padded with -1, score (B, k) float32 padded with NaN.

    Raises:
        ValueError: shapes that do not fit, or an item out of its bounds.
    """
    n_users, n_items = x.shape[0], weights.n_items
    rows = SparseRows.of(x)
    known, tie = np.ascontiguousarray(known, np.bool_), np.ascontiguousarray(tie, np.int32)
    if x.shape[1] != weights.shape[0]:
        raise ValueError(f"x {x.shape} and weights {weights.shape} do not fit")
    if known.shape != (n_items,) or tie.shape != (n_items,):
        raise ValueError(f"known {known.shape} and tie {tie.shape} must have one entry for each of {n_items} items")
    if candidates is not None:
        candidates = candidates.where(candidates.item >= 0)
    candidates, exclude = (checked(lists, n_users, n_items, k) for lists in (candidates, exclude))
    if not compiled.native:
        compiled.say_once()
        return topk_sparse_numpy(rows, weights, known, k, tie, candidates, exclude)
    item, score = np.empty((n_users, k), np.int32), np.empty((n_users, k), np.float32)
    if item.size:
        threads = 1 if n_users <= FEW else threads or compiled.default_threads()
        compiled.module.topk_sparse(
            rows.indptr, rows.indices, rows.data, weights.indptr, weights.indices, weights.data, known, tie,
            *pair(candidates), *pair(exclude), item, score, threads,
        )  # fmt: skip
    return item, score


def topk_sparse_numpy(
    x: SparseRows,
    weights: SparseRows,
    known: Bool,
    k: int,
    tie: I32,
    candidates: ItemLists | None,
    exclude: ItemLists | None,
) -> tuple[I32, F32]:
    """Do what `topk_sparse` does, some users at a time, by SciPy's product and by sorting each row."""
    n_users, n_items = x.shape[0], weights.n_items
    left, right = (csr_matrix((m.data, m.indices, m.indptr), shape=m.shape) for m in (x, weights))
    item, score = np.full((n_users, k), -1, np.int32), np.full((n_users, k), np.nan, np.float32)
    step = max(1, BLOCK // max(n_items, 1))
    for begin in range(0, n_users, step):
        rows = slice(begin, min(begin + step, n_users))
        product = csr_matrix(left[rows] @ right)
        scores = np.full(product.shape, np.nan, np.float32)  # (step, n_items)
        scores[rows_of(product), product.indices] = product.data
        scores[(scores == 0) | ~known] = np.nan
        if candidates is not None:
            some, allowed = candidates.rows(rows), np.zeros(scores.shape, np.bool_)
            allowed[some.row, some.item] = True
            scores[~allowed] = np.nan
        outside = None if exclude is None else exclude.rows(rows)
        item[rows], score[rows] = topk_dense_numpy(scores, k, tie, None, outside)
    return item, score
