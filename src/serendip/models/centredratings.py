"""The fitted shape of ratings predicted from habits: those of the user and of the item, without taste."""

from dataclasses import dataclass

import numpy as np

from serendip.arrays import CSR, F32, I32, I64
from serendip.data.queries import Queries
from serendip.models.centre import Centre
from serendip.models.ratings import Ratings


@dataclass(frozen=True)
class CentredRatings(Ratings):
    """rating(u, i) = m_ui + s_ui z_ui of the centre; here z = 0, with neighbours it is theirs."""

    centre: Centre

    def rating(self, queries: Queries, which: I64, item: I32) -> F32:
        given = queries.history.ratings(self.n_items)
        m, s = self.centre.rows(given)
        inside = item >= 0
        column = np.where(inside, self.centre.column[item], np.float32(self.centre.unknown))
        scale = s[which] * np.where(inside, self.centre.scale[item], np.float32(1))
        return np.asarray(m[which] + column + scale * self.beyond(queries, given, which, item), np.float32)

    def beyond(self, queries: Queries, given: CSR, which: I64, item: I32) -> F32:
        """Return z of what query `which` would give to `item`, from the ratings given.  # (N,), (N,) -> (N,)"""
        return np.zeros(len(item), np.float32)
