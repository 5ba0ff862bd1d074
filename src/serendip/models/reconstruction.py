"""The fitted shape of factorisations that reproduce all interactions, zeros included."""

from dataclasses import dataclass, field

import numpy as np

from serendip.arrays import CSR, F32, I32, I64, offsets, ranges
from serendip.data.queries import Queries
from serendip.data.slates import Contributions
from serendip.kernels.nonnegative import nonnegative_rows
from serendip.kernels.system import Systems
from serendip.models.factors import Factors
from serendip.models.packed import Packed

SWEEPS = 500  # at most; some tens are enough nearly always
LEAST = 4  # users and items a factor, at least


@dataclass(frozen=True)
class Reconstruction(Factors):
    """score(u, i) = x_u y_i with x_u = argmin |v_u - x Y'|^2 + l2 n^frequency |x|^2.

    v_u (n_items,): the user's interactions, 0 where there is none; n: how many there are. gram (rank, rank): Y'Y.
    nonnegative: x_u >= 0.
    """

    nonnegative: bool = field(default=False, kw_only=True)

    def interactions(self, queries: Queries) -> tuple[CSR, F32]:
        """Return weights of 0, because what is seen weighs no more than what is not, and the values.  # (B, n_items)"""
        v = queries.history.matrix(self.rules, self.n_items)
        target = v.data
        v.data = np.zeros_like(target)
        return v, target

    def folded(self, w: CSR, target: F32) -> F32:
        """Return the factors that histories imply.  # (B, n_items), (nnz,) -> (B, rank)"""
        if not self.nonnegative:
            return super().folded(w, target)
        x = np.zeros((w.shape[0], self.rank), np.float32)
        l2 = self.fold.penalty(np.diff(w.indptr).astype(np.float32), self.n_items)
        used, column = np.unique(w.indices, return_inverse=True)
        systems = Systems(w.indptr.astype(np.int64), column.astype(np.int32), w.data, target, self.item_factors[used],
                          self.gram, l2)  # fmt: skip
        nonnegative_rows(systems, x, sweeps=SWEEPS)
        return x

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        """Return how much of the score each history item is owed: v_j y_j A^-1 y_i, A = Y'Y + l2 n^frequency I.

        Where factors may not be negative: over those of the user's that are above 0, of which the same holds.
        """
        v, target = self.interactions(queries)
        x = self.user_rows(queries)[0]
        of = np.arange(len(item)) if of is None else of
        l2 = self.fold.penalty(np.diff(v.indptr).astype(np.float32), self.n_items)
        parts = [np.empty(0, np.float32)]
        for b in np.unique(of):
            at = slice(v.indptr[b], v.indptr[b + 1])
            some = np.flatnonzero(x[b] > 0) if self.nonnegative else np.arange(self.rank)
            square = self.gram[np.ix_(some, some)] + l2[b] * np.eye(len(some), dtype=np.float32)
            yi, yj = self.item_factors[item[of == b]][:, some], self.item_factors[v.indices[at]][:, some]
            parts.append(((np.linalg.solve(square, yi.T).T @ yj.T) * target[at]).ravel())  # (m, n)
        owed = np.concatenate(parts).astype(np.float32)
        if isinstance(self.item_factors, Packed):  # a fitted row is rounded: the parts do not sum to its score
            return self.told(queries, item, of, v, owed)
        start, count = v.indptr[of].astype(np.int64), np.diff(v.indptr)[of].astype(np.int64)
        return Contributions(
            offsets(count), v.indices[ranges(start, count)], owed, np.zeros(len(owed), np.int32), self.reasons
        )


def supported(rank: int, x: CSR) -> int:
    """Return the rank, less where x is small: with as many factors as items, what was not seen stays at 0."""
    return min(rank, max(1, min(x.shape) // LEAST))
