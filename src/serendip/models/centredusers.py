"""The fitted shape of ratings predicted from what like users gave to the item."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, I64, rows_of
from serendip.data.queries import Queries
from serendip.models.centredratings import CentredRatings
from serendip.models.neighbourhood import BESIDE, blocks, padded, weighted_mean


@dataclass(frozen=True)
class CentredUsers(CentredRatings):
    """z_ui = the mean, weighted by s_uv, of z_vi over the `neighbours` users v most like u who rated i.

    rest (n_users, n_items) float32 CSR: z of the fitted ratings. Users are compared by z of the items that both rated;
    s is the similarity, cosine or euclidean, times c / (c + shrinkage) for c such items, and 0 below `min_overlap`.
    """

    rest: CSR
    neighbours: int
    similarity: str
    shrinkage: float
    min_overlap: int

    def beyond(self, queries: Queries, given: CSR, which: I64, item: I32) -> F32:
        z, order = np.zeros(len(item), np.float32), np.argsort(which, kind="stable")
        step, rest = max(1, BESIDE // max(self.n_users, 1)), self.centre.beyond(given)
        for b in range(0, len(queries), step):
            likeness = self.likeness(rest[b : b + step])  # (b, n_users)
            user = queries.user[b : b + step]
            own = np.flatnonzero((user >= 0) & (user < self.n_users))
            likeness[own, user[own]] = 0
            mine = order[np.searchsorted(which[order], b) : np.searchsorted(which[order], b + step)]
            for at in blocks(mine, np.diff(self._by_item.indptr)[item[mine]].astype(np.int64)):
                raters = self._by_item[np.where(item[at] >= 0, item[at], self.n_items)]  # (n, n_users)
                row = rows_of(raters)
                s = likeness[which[at][row] - b, raters.indices]
                z[at] = weighted_mean(row, s, raters.data, self.neighbours, len(at))
        return z

    def likeness(self, x: CSR) -> F32:
        """Return how like each row is to each user, by the items that both rated.  # (B, n_items) -> (B, n_users)"""
        y, squares, ones = self._columns
        one = csr_matrix((np.ones_like(x.data), x.indices, x.indptr), shape=x.shape)
        square = csr_matrix((x.data**2, x.indices, x.indptr), shape=x.shape)
        c, xy, xx, yy = ((a @ b).toarray() for a, b in ((one, ones), (x, y), (square, ones), (one, squares)))
        shared = np.maximum(c, 1)
        if self.similarity == "euclidean":
            s = 1 / (1 + np.maximum(xx + yy - 2 * xy, 0) / shared)
        else:
            s = xy / np.sqrt(np.maximum(xx * yy, 1e-12))
        s *= c / (shared + self.shrinkage)
        return np.asarray(np.where(c >= self.min_overlap, s, 0), np.float32)

    @cached_property
    def _columns(self) -> tuple[CSR, CSR, CSR]:
        """z of the fitted ratings, their squares, and ones, by item.  # (n_items, n_users) each"""
        y = self.rest.T.tocsr()
        squares, ones = (csr_matrix((a, y.indices, y.indptr), shape=y.shape) for a in (y.data**2, np.ones_like(y.data)))
        return y, squares, ones

    @cached_property
    def _by_item(self) -> CSR:
        """z by item, and an empty row for an unknown one.  # (n_items + 1, n_users)"""
        return padded(self._columns[0])
