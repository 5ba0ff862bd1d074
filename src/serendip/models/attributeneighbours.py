"""The fitted shape of neighbours by attributes: what those took to who are like the user in what is known of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import polars as pl
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32
from serendip.data.queries import Queries
from serendip.data.slates import picked
from serendip.models.comparison import nearest_users
from serendip.models.contract import Model
from serendip.models.encoder import Encoder
from serendip.models.itemweights import scattered


@dataclass(frozen=True)
class AttributeNeighbours(Model):
    """score(u, i) = sum over the `neighbours` users v whose attributes are most like u's of s_uv v_vi.

    vectors (n_users, n_features): attributes, rows of length 1; votes (n_users, n_items): what users say; float32 CSR.
    A query is not its own neighbour. Who has no known attribute gets NaN, as does an item without a vote.
    """

    reads_users: ClassVar[bool] = True

    encoder: Encoder
    neighbours: int
    vectors: CSR
    votes: CSR

    @cached_property
    def _by_feature(self) -> CSR:
        return self.vectors.T.tocsr()  # (n_features, n_users)

    def neighbourhood(self, queries: Queries) -> CSR:
        """Return the likeness of the users nearest to each query.  # (B, n_users)"""
        about = pl.DataFrame() if queries.user_features is None else queries.user_features
        if not about.width:
            about = pl.DataFrame({"": [None] * len(queries)})  # of whom nothing is known
        likeness = (self.encoder.encode(about) @ self._by_feature).tocsr()
        return nearest_users(likeness, queries.user, self.neighbours, self.users.tie)

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        score = scattered(csr_matrix(self.neighbourhood(queries) @ self.votes))  # (B, n_items)
        return picked(score, item)
