"""The fitted shape of item-to-item models whose weights are the product of two sparse matrices."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, I64, Bool, rows_of
from serendip.data.queries import Queries
from serendip.data.slates import Contributions
from serendip.models.linear import Linear


@dataclass(frozen=True)
class FactoredWeights(Linear):
    """score(u, i) = sum over the history of x_uj B_ji with B = I - P diag(P)^-1 and P = K'K, which is never made.

    factor (n_items, n_items) float32 CSR: K. known (n_items,): the items that the fit has seen; the others, and every
    item for an empty history, score NaN.
    """

    factor: CSR
    known: Bool

    @cached_property
    def _turned(self) -> CSR:
        """K', row by row: what an item does to each row of K.  # (n_items, n_items)"""
        return csr_matrix(self.factor.T.tocsr())

    @cached_property
    def _inverse(self) -> F32:
        """1 / P_ii.  # (n_items,)"""
        square = np.bincount(self.factor.indices, self.factor.data.astype(np.float64) ** 2, minlength=self.n_items)
        return np.asarray(1 / np.maximum(square, 1e-30), np.float32)

    def answered(self, x: CSR) -> F32:
        """Return x B.  # (B, n_items) -> (B, n_items)"""
        score = (x @ self._turned).toarray() @ self.factor
        score *= -self._inverse
        row = rows_of(x)
        score[row, x.indices] += x.data  # an item says nothing of itself
        score[:, ~self.known] = np.nan
        return np.asarray(score, np.float32)

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        x = queries.history.matrix(self.rules, self.n_items)
        x = x if of is None else x[of]  # (M, n_items)
        weight = np.zeros(x.nnz, np.float32)
        for m, i in enumerate(item):
            at = slice(x.indptr[m], x.indptr[m + 1])
            p = (self._turned[x.indices[at]] @ self._turned[[i]].T).toarray().ravel()  # (n,): P_ji
            weight[at] = np.where(x.indices[at] == i, 0, -p * self._inverse[i]) * x.data[at]
        return Contributions.because(x, weight)
