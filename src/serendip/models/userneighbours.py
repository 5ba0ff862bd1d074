"""The fitted shape of neighbourhoods of users: what those took to whose history is most like the query's."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from serendip.arrays import CSR, F32, I32, I64
from serendip.data.queries import Queries
from serendip.data.slates import Contributions, picked
from serendip.models.comparison import Comparison, nearest_users, squares
from serendip.models.contract import Model
from serendip.models.itemweights import scattered

LIKENESSES = 16_000_000  # of queries and users, held at once


def votes_of(interactions: CSR, damping: float) -> CSR:
    """Return what users say of items: x_vi / n_i^damping, n_i being how many have i.  # (n_users, n_items)"""
    votes, count = interactions.copy(), np.bincount(interactions.indices, minlength=interactions.shape[1])
    votes.data *= count.astype(np.float32)[votes.indices] ** -np.float32(damping)
    return votes


@dataclass(frozen=True)
class UserNeighbours(Model):
    """score(u, i) = sum over the `neighbours` users v most like the history of s_uv v_vi.

    vectors (n_users, n_items): what of each user is compared; votes (n_users, n_items): what they say; float32 CSR.
    A query is never its own neighbour. An item that none of the neighbours has a vote for scores NaN. recency: events
    of the query's history after which an older one counts half, where it has times; None: all count alike.
    """

    comparison: Comparison
    neighbours: int
    recency: float | None
    vectors: CSR
    votes: CSR

    @cached_property
    def _columns(self) -> tuple[CSR, F32]:
        return self.vectors.T.tocsr(), squares(self.vectors)  # (n_items, n_users), (n_users,)

    def prepared(self, queries: Queries) -> CSR:
        """Return what of the histories is compared.  # (B, n_items)"""
        history = queries.history
        rows = history.ratings(self.n_items) if self.comparison.ratings else history.matrix(self.rules, self.n_items)
        x = self.comparison.prepare(rows)
        if self.recency is not None:
            x.data = x.data * history.recency(x, self.recency)
        return x

    def neighbourhood(self, queries: Queries) -> CSR:
        """Return the likeness of the users nearest to each query.  # (B, n_users)"""
        likeness = self.comparison.between(self.prepared(queries), *self._columns)
        return nearest_users(likeness, queries.user, self.neighbours, self.users.tie)

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        step = max(1, LIKENESSES // max(self.n_users, 1))
        parts = [self.neighbourhood(queries.rows(slice(b, b + step))) for b in range(0, len(queries), step)]
        score = np.concatenate([scattered(near @ self.votes) for near in parts] or [
            np.empty((0, self.n_items), np.float32)])  # fmt: skip
        return picked(score, item)

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        """Return what each history item adds: a neighbour's s_uv v_vi is shared among what both have in common.

        By the products x_uj x_vj for cosine, which add up to it; equally for the other measures.
        """
        x = self.prepared(queries)  # (B, n_items)
        near = self.neighbourhood(queries)  # (B, n_users)
        of = np.arange(len(item)) if of is None else of
        x = x[of]  # (M, n_items)
        owed = np.zeros(x.nnz, np.float32)
        for m, b in enumerate(of):
            user, s = (a[near.indptr[b] : near.indptr[b + 1]] for a in (near.indices, near.data))
            at = slice(x.indptr[m], x.indptr[m + 1])
            took = self.votes[user, item[m]].toarray().ravel() if len(user) else s
            user, vote = user[took > 0], (s * took)[took > 0]
            common = self.vectors[user][:, x.indices[at]].toarray()  # (v, j)
            part = common * x.data[at] if self.comparison.similarity == "cosine" else (common != 0).astype(np.float32)
            owed[at] = (vote / part.sum(axis=1)) @ part
        return Contributions.because(x, owed, "chosen by people who share")
