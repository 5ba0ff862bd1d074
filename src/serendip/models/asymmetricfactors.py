"""The fitted shape of factorisations in which a history says all that there is to say of its user."""

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, I64, ranges, rows_of
from serendip.data.queries import Queries
from serendip.data.slates import Contributions
from serendip.models.historyfactors import HistoryFactors, implied_sum


@dataclass(frozen=True)
class AsymmetricFactors(HistoryFactors):
    """rating(u, i) = mean + b_u + b_i + y_i (|R|^-1/2 sum over R of (r_uj - b_uj) x_j + |N|^-1/2 sum over N of z_j).

    R are the items that u rated, N those of the history, rated or not; b_uj = mean + b_u + b_j, b_u by ridge regression
    with the penalty of `fold`. telling (n_items, rank) float32 are the x_j, implied the z_j.
    """

    telling: F32 = field(kw_only=True)

    def folded(self, w: CSR, target: F32) -> F32:
        rest, bias = self.said(w, target)
        told = csr_matrix((rest, w.indices, w.indptr), shape=w.shape) @ self.telling  # (B, rank)
        return np.column_stack([told + implied_sum(w, self.implied), bias]).astype(np.float32)

    def said(self, w: CSR, target: F32) -> tuple[F32, F32]:
        """Return |R|^-1/2 (r_uj - b_uj), 0 for an item without a rating, and b_u.  # (B, n_items) -> (nnz,), (B,)"""
        rated, row = w.data > 0, rows_of(w)
        n = np.bincount(row, rated, w.shape[0])
        bias = np.bincount(row, target * rated, w.shape[0]) / np.maximum(n + self.fold.l2, 1e-9)
        rest = np.where(rated, (target - bias[row]) / np.sqrt(np.maximum(n, 1))[row], 0)
        return rest.astype(np.float32), bias.astype(np.float32)

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        """Return what each history item adds: y_i (|R|^-1/2 (r_uj - b_uj) x_j + |N|^-1/2 z_j), exactly."""
        w, target = self.interactions(queries)
        of = np.arange(len(item)) if of is None else of
        count = np.diff(w.indptr)
        at = ranges(w.indptr[:-1][of].astype(np.int64), count[of].astype(np.int64))  # (nnz of w[of],)
        rest, root = self.said(w, target)[0][at], (1 / np.sqrt(np.maximum(count, 1))).astype(np.float32)
        j, pair = w.indices[at], np.repeat(np.arange(len(item)), count[of])
        tells = rest[:, None] * self.telling[j] + root[of][pair][:, None] * self.implied[j]
        owed = np.einsum("nf,nf->n", tells, self.item_factors[item][pair])
        return self.told(queries, item, of, w, owed)
