"""The fitted shape of session neighbourhoods: what came in earlier sessions that share items with the one at hand."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, I64, ItemLists, in_table, rows_of
from serendip.data.dataset import Dataset
from serendip.data.interactions import DAY, InteractionRules
from serendip.data.queries import History, Queries
from serendip.data.slates import Contributions, picked
from serendip.kernels.sessions import Near, Places, neighbours, votes
from serendip.models.contract import Model

SORTED = 80  # bytes of an event while sessions are put in order
STEPS = 100  # items back that the weights of positions tell apart; what is further counts as the last of them


class Session(NamedTuple):
    """The items of B histories, the latest first, and of each of them, (nnz,):"""

    items: ItemLists
    step: I64  # 0 for the latest item, 1 for the one before
    weight: F32


@dataclass(frozen=True)
class SessionNeighbours(Model):
    """score(u, i) = sum over the sessions v nearest to the history of s_uv match[n] near[|p_vi - p_vj|] votes_i.

    s_uv = strength_v times the sum of recent[step] over the items that both have, for the `neighbours` best of the
    `sample` latest sessions that share one; j: the latest of these, the n-th from the end of the history.
    A session is the history of a user, whose items are taken once, where they came last. sessions (n_users, n_items)
    float32 CSR: the place of each item, 1 for the latest. latest (n_users,): the sessions' numbers in time. strength
    (n_users,), votes (n_items,), recent, match, near (STEPS,) float32. An item that no neighbour has scores NaN, and a
    query is not its own neighbour.
    """

    neighbours: int
    sample: int
    sessions: CSR
    latest: I32
    strength: F32
    votes: F32
    recent: F32
    match: F32
    near: F32

    @cached_property
    def _in_time(self) -> CSR:
        """The sessions by number in time.  # (n_users, n_items)"""
        return csr_matrix(self.sessions[np.argsort(self.latest)])

    @cached_property
    def _held(self) -> tuple[Places, Places, F32]:
        """The places in them, the same by item, and their strength."""
        return Places.of(self._in_time), Places.of(self._in_time.T.tocsr()), self.strength[np.argsort(self.latest)]

    def warm(self) -> None:
        _ = self._held

    def session(self, queries: Queries) -> Session:
        """Return the items of the histories, the latest first, and what they count."""
        offset, item, step = in_order(queries.history, self.rules, self.n_items)
        return Session(ItemLists(offset, item), step, self.recent[np.minimum(step, STEPS - 1)])

    def neighbourhood(self, queries: Queries, session: Session) -> tuple[Near, F32]:
        """Return the nearest sessions by number in time, and what each counts.  # (B, k) both"""
        _, by_item, strength = self._held
        known, user = in_table(queries.user, self.n_users)
        own = np.where(known, self.latest[user], np.int32(-1))
        k = min(self.neighbours, max(self.n_users, 1))
        found = neighbours(by_item, session.items, session.weight, own, strength, sample=self.sample, k=k)
        return found, found.likeness * self.match[np.minimum(found.step, STEPS - 1)]

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        found, weight = self.neighbourhood(queries, self.session(queries))
        score = votes(self._held[0], found.session, weight, found.place, self.near)
        score *= self.votes
        return picked(score, item)

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        """Return what each history item adds: a neighbour's vote is shared among what both have, by recent[step]."""
        of = np.arange(len(item)) if of is None else of
        rows, session = self._in_time, self.session(queries)
        found, weight = self.neighbourhood(queries, session)
        asked = session.items.rows(of)
        owed = [np.empty(0, np.float32)]
        for b, i in zip(of, item, strict=True):
            at = slice(session.items.offset[b], session.items.offset[b + 1])
            there = found.session[b] >= 0
            v, likeness, place = found.session[b][there], weight[b][there], found.place[b][there]
            p = rows[v][:, [i]].toarray().ravel()  # (v,): where the item stands, 0 where it does not
            has = p > 0
            v, p, likeness, place = v[has], p[has], likeness[has], place[has]
            vote = likeness * self.near[np.minimum(np.abs(p - place).astype(np.int64), STEPS - 1)] * self.votes[i]
            shared = (rows[v][:, session.items[b]].toarray() > 0) * session.weight[at]  # (v, j)
            owed.append(np.asarray((vote / np.maximum(shared.sum(axis=1), 1e-30)) @ shared, np.float32))
        part = np.concatenate(owed)
        return Contributions(asked.offset, asked.item, part, np.zeros(len(part), np.int32), ("chosen together with",))


def in_order(history: History, rules: InteractionRules, n_items: int) -> tuple[I64, I32, I64]:
    """Return each history's interactions, the latest first: offset (B + 1,), item (nnz,), step (nnz,) from 0."""
    x = history.matrix(rules, n_items)
    row = rows_of(x)
    order = np.lexsort((history.later(x), row))
    offset = x.indptr.astype(np.int64)
    return offset, x.indices[order], np.arange(x.nnz) - offset[row]


def sessions(data: Dataset) -> tuple[CSR, I32, F32]:
    """Return the place of each item in its user's session, the numbers of the sessions in time, and their ages.

    (n_users, n_items) float32, 1 for the latest item; (n_users,); (n_users,) in days before the last event, or in
    sessions where events have no times, by which then the users' own order is taken for that in time.
    """
    offset, item, step = in_order(data.history, data.fitted_rules, data.n_items)
    places = csr_matrix(((step + 1).astype(np.float32), item, offset), shape=(data.n_users, data.n_items))
    places.sort_indices()
    at = np.arange(data.n_users, dtype=np.int64)
    if data.timestamp is not None and len(data):
        at = np.full(data.n_users, data.timestamp.min())
        np.maximum.at(at, data.user, data.timestamp)
    number = np.empty(data.n_users, np.int32)
    number[np.argsort(at, kind="stable")] = np.arange(data.n_users, dtype=np.int32)
    unit = 1 if data.timestamp is None else DAY
    return places, number, ((at.max(initial=0) - at) / unit).astype(np.float32)
