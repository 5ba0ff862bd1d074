"""The fitted shape of factorisations of ratings."""

from dataclasses import dataclass, field

import numpy as np

from serendip.arrays import F32, I32, I64, in_table
from serendip.data.queries import Queries
from serendip.models.factors import Factors


@dataclass(frozen=True)
class FactorRatings(Factors):
    """rating(u, i) = mean + b_u + b_i + x_u y_i, without the item's part where it is unknown.

    clip: the rating scale seen in the data.
    """

    clip: tuple[float, float] = field(kw_only=True)

    def predict(self, queries: Queries, item: I32) -> F32:
        rating = self.rating(queries, np.arange(len(queries)), item)
        return np.asarray(np.clip(rating, *self.clip), np.float32)

    def rating(self, queries: Queries, which: I64, item: I32) -> F32:
        """Return what query `which` would give to `item`, known or not.  # (N,), (N,) -> (N,)"""
        x, bias, _ = self.user_rows(queries)
        known, at = in_table(item, self.n_items)
        score = np.einsum("nf,nf->n", x[which], self.item_factors[at])
        if self.item_bias is not None:
            score = score + self.item_bias[at]
        return np.asarray(np.where(known & self.known[at], score, 0) + bias[which] + np.float32(self.mean), np.float32)
