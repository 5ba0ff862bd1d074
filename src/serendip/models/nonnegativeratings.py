"""The fitted shape of non-negative factorisations of interactions and, beside them, of ratings."""

from dataclasses import dataclass, field

import numpy as np

from serendip.arrays import F32, I32, I64, in_table
from serendip.data.queries import Queries
from serendip.kernels.nonnegative import nonnegative_rows
from serendip.kernels.system import Systems
from serendip.models.ratings import distinct
from serendip.models.reconstruction import SWEEPS, Reconstruction


@dataclass(frozen=True)
class NonnegativeRatings(Reconstruction):
    """rating(u, i) = p_u q_i with p_u = argmin sum_j (r_uj - p q_j)^2 + l2 n_u |p|^2 over the ratings given, p >= 0.

    parts (n_items, rank'): Q. nothing (rank',): the mean q, for an item without ratings; nobody (rank',): the mean p,
    for a user without. l2_ratings: l2 above. clip: the rating scale seen in the data.
    """

    parts: F32 = field(kw_only=True)
    nothing: F32 = field(kw_only=True)
    nobody: F32 = field(kw_only=True)
    l2_ratings: float = field(kw_only=True)
    clip: tuple[float, float] = field(kw_only=True)

    def predict(self, queries: Queries, item: I32) -> F32:
        first, which = distinct(queries)
        return np.asarray(np.clip(self.rating(queries.rows(first), which, item), *self.clip), np.float32)

    def rating(self, queries: Queries, which: I64, item: I32) -> F32:
        """Return what query `which` would give to `item`, known or not.  # (N,), (N,) -> (N,)"""
        r = queries.history.ratings(self.n_items)
        n = np.diff(r.indptr).astype(np.float32)
        p = np.zeros((len(n), len(self.nobody)), np.float32)
        systems = Systems(
            r.indptr.astype(np.int64), r.indices, np.ones_like(r.data), r.data, self.parts,
            np.zeros((p.shape[1], p.shape[1]), np.float32), np.float32(self.l2_ratings) * n,
        )  # fmt: skip
        nonnegative_rows(systems, p, sweeps=SWEEPS)
        p[n == 0] = self.nobody
        known, at = in_table(item, self.n_items)
        q = np.where(known[:, None], self.parts[at], self.nothing)
        return np.asarray(np.einsum("nf,nf->n", p[which], q), np.float32)
