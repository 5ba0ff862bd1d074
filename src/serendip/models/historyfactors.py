"""The fitted shape of factorisations in which a history implies a part of its user's factors at once."""

from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I64, offsets, pairs_of, rows_of
from serendip.data.queries import History, Queries
from serendip.models.factorratings import FactorRatings


@dataclass(frozen=True)
class HistoryFactors(FactorRatings):
    """rating(u, i) = mean + b_u + b_i + x_u y_i with x_u = p_u + |N|^-1/2 sum of z_j for j in N.

    N are the items of the history, rated or not. implied (n_items, rank) float32 are the z_j; a user row is the fitted
    x_u. For another history z is summed anew, and p_u and b_u follow from what that leaves of its ratings.
    """

    implied: F32 = field(kw_only=True)

    def interactions(self, queries: Queries) -> tuple[CSR, F32]:
        """Return N with weight 1 where there is a rating, else 0, and the targets.  # (B, n_items), (nnz,)"""
        w, rating = super().interactions(queries)
        touched = history_items(queries.history, self.n_items)
        at = positions(touched, w)
        touched.data[at] = w.data
        target = np.zeros(touched.nnz, np.float32)
        target[at] = rating
        return touched, target

    def folded(self, w: CSR, target: F32) -> F32:
        z = implied_sum(w, self.implied)  # (B, rank)
        row = rows_of(w)
        rest = target - np.einsum("nf,nf->n", z[row], self.item_factors[w.indices])
        rated = w.data > 0
        begin = offsets(rated)[w.indptr]
        x = super().folded(csr_matrix((w.data[rated], w.indices[rated], begin), shape=w.shape), rest[rated])
        x[:, : self.rank] += z
        return x


def history_items(history: History, n_items: int) -> CSR:
    """Return the items of each history, once each and ascending, with weight 0.  # (B, n_items)"""
    known = history.lists.where((history.item >= 0) & (history.item < n_items))
    pair = np.sort(known.row * max(n_items, 1) + known.item)
    pair = pair[np.diff(pair, prepend=-1) > 0]
    indptr = np.searchsorted(pair, np.arange(len(history) + 1) * max(n_items, 1))
    return csr_matrix((np.zeros(len(pair), np.float32), pair % max(n_items, 1), indptr), shape=(len(history), n_items))


def positions(whole: CSR, part: CSR) -> I64:
    """Return where the entries of `part` stand in `whole`, which has them all; rows ascend.  # (nnz of part,)"""
    return np.searchsorted(pairs_of(whole), pairs_of(part)).astype(np.int64)


def implied_sum(items: CSR, implied: F32) -> F32:
    """Return |N|^-1/2 sum_N z_j of each row N.  # (B, n_items), (n_items, rank) -> (B, rank)"""
    n = np.diff(items.indptr)
    weight = np.repeat(1 / np.sqrt(np.maximum(n, 1)), n).astype(np.float32)
    return np.asarray(csr_matrix((weight, items.indices, items.indptr), shape=items.shape) @ implied, np.float32)
