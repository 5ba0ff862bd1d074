"""The fitted shape of linear item-to-item models: a history's weights times one matrix."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, I64, Bool, ItemLists, ranges, rows_of
from serendip.data.queries import Queries
from serendip.data.slates import Contributions, Slates, picked
from serendip.kernels.topk_sparse import SparseRows, topk_sparse
from serendip.models.contract import Model
from serendip.models.likeness import most_like
from serendip.models.packed import Packed
from serendip.models.packedcsr import PackedCSR

MANY = 1_000_000  # entries met at once


@dataclass(frozen=True)
class ItemWeights(Model):
    """score(u, i) = sum over the history of x_uj W_ji.

    weights (n_items, n_items) float32, dense or CSR, or packed; row j: what having j says of every other item.
    known (n_items,): the items that the fit has seen; the others, and every item for an empty history, score NaN. With
    sparse weights so does an item of which the history says nothing. recency: events after which an older one counts
    half, where the history has times; None: all count alike.
    """

    weights: F32 | CSR | Packed | PackedCSR
    known: Bool
    recency: float | None = field(default=None, kw_only=True)

    def past(self, queries: Queries) -> CSR:
        """Return x, what each history item counts.  # (B, n_items)"""
        x = queries.history.matrix(self.rules, self.n_items)
        if self.recency is not None:
            x.data = x.data * queries.history.recency(x, self.recency)
        return x

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        x = self.past(queries)
        match self.weights:
            case csr_matrix():
                score = product(x, self.weights)  # (B, n_items)
            case Packed() | PackedCSR():
                score = self.weights.times(x)
            case _:
                score = x @ self.weights
        score[:, ~self.known] = np.nan
        score[np.diff(x.indptr) == 0] = np.nan
        return picked(score, item)

    def recommend(
        self, queries: Queries, k: int, candidates: ItemLists | None = None, exclude: ItemLists | None = None
    ) -> Slates:
        if not isinstance(self.weights, csr_matrix):
            return super().recommend(queries, k, candidates, exclude)
        found = topk_sparse(
            self.past(queries), self._rows, self.known, k, self.items.tie,
            candidates=candidates, exclude=exclude,
        )  # fmt: skip
        return Slates(*found)

    def warm(self) -> None:
        match self.weights:
            case PackedCSR():
                self.weights.warm()
            case csr_matrix():
                _ = self._rows, self._transposed

    @cached_property
    def _rows(self) -> SparseRows:
        assert isinstance(self.weights, csr_matrix)
        return SparseRows.of(self.weights)

    def likeness_to(self, item: I32) -> F32 | CSR:
        """Return how like each item the others are: the column of sparse weights, which keep the best of each column.

        (B,) -> (B, n_items)
        """
        match self.weights:
            case PackedCSR():
                return self.weights.columns(item)
            case csr_matrix():
                return csr_matrix(self._transposed[item])
        return self.weights[item]

    @cached_property
    def _transposed(self) -> CSR:
        assert isinstance(self.weights, csr_matrix)
        return self.weights.T.tocsr()

    def similar(self, item: I32, k: int) -> Slates:
        row = self.likeness_to(item)
        score = np.array(row if isinstance(row, np.ndarray) else row.toarray(), np.float32)  # (B, n_items)
        score[:, ~self.known] = np.nan
        score[~self.known[item]] = np.nan
        score[score == 0] = np.nan
        return most_like(item, score, k, self.items.tie)

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        x = self.past(queries)
        x = x if of is None else x[of]  # (M, n_items)
        row = rows_of(x)
        return Contributions.because(x, self.between(x.indices, item[row]) * x.data)

    def between(self, j: I32, i: I32) -> F32:
        """Return single weights W_ji.  # (N,), (N,) -> (N,)"""
        if isinstance(self.weights, Packed | PackedCSR):
            return self.weights.at(j, i)
        if not len(j):  # SciPy would answer by a matrix
            return np.empty(0, np.float32)
        return np.asarray(self.weights[j, i], np.float32).ravel()


def entries(x: CSR, of: I32 | I64) -> tuple[I64, I32, F32]:
    """Return the entries of some rows of x, one row after the other: which of them, column, value.  # (M,) -> (nnz,)"""
    start, count = x.indptr[of].astype(np.int64), np.diff(x.indptr)[of].astype(np.int64)
    at = ranges(start, count)
    return np.repeat(np.arange(len(of)), count), x.indices[at], x.data[at]


def product(x: CSR, y: CSR) -> F32:
    """Return x y as a dense matrix, NaN where nothing met.  # (B, m), (m, n) -> (B, n)

    For the one row of a slate SciPy's product takes longer to begin than to make.
    """
    if x.shape[0] != 1 or np.diff(y.indptr)[x.indices].sum() > MANY:
        return scattered(csr_matrix(x @ y))
    return summed(x.indices, x.data, y)[None]


def summed(row: I32 | I64, weight: F32, y: CSR) -> F32:
    """Return the sum of some rows of y, each times its weight, NaN where none has an entry.  # (N,), (N,) -> (n,)"""
    which, column, value = entries(y, row)
    there = np.zeros(y.shape[1], np.bool_)
    there[column] = True
    total = np.bincount(column, value * weight[which], y.shape[1])
    return np.where(there, total, np.nan).astype(np.float32)


def scattered(rows: CSR) -> F32:
    """Return sparse rows made dense, NaN where nothing is stored: in a product, where nothing met.  # (B, n)"""
    dense = np.full(rows.shape, np.nan, np.float32)
    dense[rows_of(rows), rows.indices] = rows.data
    return dense
