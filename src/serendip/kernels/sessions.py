"""Sessions that share items with the session at hand, and what they vote for.

Ludewig, Jannach, "Evaluation of Session-based Recommendation Algorithms", UMUAI 28, 2018; Garg, Gupta, Malhotra, Vig,
Shroff, "Sequence and Time Aware Neighborhood for Session-based Recommendations: STAN", SIGIR 2019.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from serendip.arrays import CSR, F32, I32, I64, ItemLists
from serendip.kernels import compiled
from serendip.kernels.csr import checked_csr, checked_lists


class Near(NamedTuple):
    """The neighbours of each query, best first, padded with session -1; all (B, k).

    step: which of the query's items is the first that the session shares; place: where that stands in the session.
    """

    session: I32
    likeness: F32
    step: I32
    place: I32


@dataclass(frozen=True)
class Places:
    """Where columns stand in rows, as the kernels read them, checked once and kept: of sessions or by item."""

    indptr: I64  # (n_rows + 1,)
    indices: I32  # (nnz,) columns, each once a row
    place: I32  # (nnz,)
    shape: tuple[int, int]

    @classmethod
    def of(cls, matrix: CSR) -> Self:
        """Return the places that a matrix stores.

        Raises:
            ValueError: a broken CSR matrix.
        """
        indptr, indices, place = checked_csr(matrix)
        return cls(indptr, indices, place.astype(np.int32), matrix.shape)


def neighbours(
    by_item: Places,
    query: ItemLists,
    weight: F32,
    own: I32,
    strength: F32,
    *,
    sample: int,
    k: int,
    threads: int | None = None,
) -> Near:
    """Return the k sessions v of greatest strength_v times the sum of the weights of the query's items in it.

    Only the `sample` greatest session numbers of those that share an item are looked at: number them in time. Of equal
    ones the greater number goes first. Time is one step for each session of each item of a query.

    Args:
        by_item: for each item where it stands in the sessions that hold it.
        query: the items of each query, each once, the latest first.
        weight: (nnz of the query,) what they count; those of weight 0 do not.
        own: (B,) a session that is not listened to, -1 for none.
        strength: (n_sessions,) above 0.
        sample: how many sessions are looked at.
        k: how many are kept.
        threads: None means every core.

    Raises:
        ValueError: arrays that do not fit together.
    """
    own = np.ascontiguousarray(own, np.int32)
    weight, strength = np.ascontiguousarray(weight, np.float32), np.ascontiguousarray(strength, np.float32)
    n_items, n_sessions = by_item.shape
    query = checked_lists(query, len(own), n_items)
    if weight.shape != query.item.shape or len(strength) != n_sessions:
        raise ValueError(f"weight {weight.shape} goes with items, strength {strength.shape} with {n_sessions} sessions")
    if sample < 1 or k < 1:
        raise ValueError(f"sample and k must be 1 or more; they are {sample} and {k}")
    shape = len(own), k
    found = Near(
        np.full(shape, -1, np.int32), np.zeros(shape, np.float32), np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    )
    if not compiled.native:
        compiled.say_once()
        neighbours_numpy(by_item, query, weight, own, strength, sample, found)
    else:
        threads = threads or compiled.default_threads()
        compiled.module.session_neighbours(
            by_item.indptr, by_item.indices, by_item.place, query.offset, query.item, weight, own, strength, sample,
            *found, threads,
        )  # fmt: skip
    return found


def neighbours_numpy(
    by_item: Places,
    query: ItemLists,
    weight: F32,
    own: I32,
    strength: F32,
    sample: int,
    found: Near,
) -> None:
    """Do what `neighbours` does, a query at a time, into `found`."""
    k = found.session.shape[1]
    for b, mine in enumerate(own):
        total = np.zeros(len(strength), np.float32)
        step, place = np.zeros(len(strength), np.int32), np.zeros(len(strength), np.int32)
        for n, t in enumerate(range(query.offset[b], query.offset[b + 1])):
            if not weight[t] > 0:
                continue
            at = slice(by_item.indptr[query.item[t]], by_item.indptr[query.item[t] + 1])
            sessions, new = by_item.indices[at], total[by_item.indices[at]] == 0
            step[sessions[new]], place[sessions[new]] = n, by_item.place[at][new]
            total[sessions] += weight[t]
        some = np.flatnonzero(total)
        some = some[some != mine][-sample:]
        likeness = total[some] * strength[some]
        best = np.lexsort((-some, -likeness))[:k]
        at = slice(0, len(best))
        found.session[b, at], found.likeness[b, at] = some[best], likeness[best]
        found.step[b, at], found.place[b, at] = step[some[best]], place[some[best]]


def votes(
    by_session: Places,
    session: I32,
    weight: F32,
    place: I32,
    near: F32,
    *,
    threads: int | None = None,
) -> F32:
    """Return for each item the sum of weight_v near[|at - place_v|] over the sessions v of a query that hold it.

    Args:
        by_session: for each session where its items stand.
        session, weight, place: (B, k) of each query, session -1 from where there are no more.
        near: what an item counts by its distance from `place`; the last entry holds for all that is further.
        threads: None means every core.

    Returns:
        score (B, n_items), NaN where no session of the query holds an item.

    Raises:
        ValueError: arrays that do not fit together.
    """
    session, place = np.ascontiguousarray(session, np.int32), np.ascontiguousarray(place, np.int32)
    weight, near = np.ascontiguousarray(weight, np.float32), np.ascontiguousarray(near, np.float32)
    n_sessions, n_items = by_session.shape
    if not session.shape == weight.shape == place.shape or not len(near):
        raise ValueError(f"session {session.shape}, weight {weight.shape} and place {place.shape} must be alike")
    if session.size and not (session.min() >= -1 and session.max() < n_sessions):
        raise ValueError(f"a session lies in [-1, {n_sessions}), where -1 is padding")
    if not compiled.native:
        compiled.say_once()
        return votes_numpy(by_session, session, weight, place, near)
    score = np.empty((len(session), n_items), np.float32)
    threads = threads or compiled.default_threads()
    compiled.module.session_votes(
        by_session.indptr, by_session.indices, by_session.place, session, weight, place, near, score, threads
    )
    return score


def votes_numpy(by_session: Places, session: I32, weight: F32, place: I32, near: F32) -> F32:
    """Do what `votes` does, a session at a time."""
    score = np.full((len(session), by_session.shape[1]), np.nan, np.float32)
    for b, row in enumerate(session):
        for r, v in enumerate(row[row >= 0]):
            held = slice(by_session.indptr[v], by_session.indptr[v + 1])
            item, away = by_session.indices[held], np.abs(by_session.place[held] - place[b, r])
            vote = weight[b, r] * near[np.minimum(away, len(near) - 1)]
            score[b, item] = np.nan_to_num(score[b, item]) + vote
    return score
