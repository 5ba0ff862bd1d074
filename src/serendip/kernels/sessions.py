"""Sessions that share items with the session at hand, and what they vote for.

Ludewig, Jannach, "Evaluation of Session-based Recommendation Algorithms", UMUAI 28, 2018; Garg, Gupta, Malhotra, Vig,
Shroff, "Sequence and Time Aware Neighborhood for Session-based Recommendations: STAN", SIGIR 2019.
"""

from typing import NamedTuple

import numpy as np

from serendip.arrays import F32, I32, I64
from serendip.kernels import compiled
from serendip.kernels.csr import check_csr


class Near(NamedTuple):
    """The neighbours of each query, best first, padded with session -1; all (B, k).

    step: which of the query's items is the first that the session shares; place: where that stands in the session.
    """

    session: I32
    likeness: F32
    step: I32
    place: I32


def neighbours(
    indptr: I64,
    sessions: I32,
    places: I32,
    query: I64,
    item: I32,
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
        indptr, sessions, places: for each item the sessions that hold it, each once, and where it stands in them.
        query, item, weight: for each query its items, each once, the latest first; those of weight 0 do not count.
        own: (B,) a session that is not listened to, -1 for none.
        strength: (n_sessions,) above 0.
        sample: how many sessions are looked at.
        k: how many are kept.
        threads: None means every core.

    Raises:
        ValueError: arrays that do not fit together.
    """
    indptr, query = np.ascontiguousarray(indptr, np.int64), np.ascontiguousarray(query, np.int64)
    sessions, places, item, own = (np.ascontiguousarray(a, np.int32) for a in (sessions, places, item, own))
    weight, strength = np.ascontiguousarray(weight, np.float32), np.ascontiguousarray(strength, np.float32)
    check_csr(indptr, sessions, len(indptr) - 1, len(strength))
    check_csr(query, item, len(own), len(indptr) - 1)
    if places.shape != sessions.shape or weight.shape != item.shape:
        raise ValueError(f"places {places.shape} go with sessions {sessions.shape}, weight {weight.shape} with items")
    if sample < 1 or k < 1:
        raise ValueError(f"sample and k must be 1 or more; they are {sample} and {k}")
    shape = len(own), k
    found = Near(
        np.full(shape, -1, np.int32), np.zeros(shape, np.float32), np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    )
    if not compiled.native:
        compiled.say_once()
        neighbours_numpy(indptr, sessions, places, query, item, weight, own, strength, sample, found)
    else:
        threads = threads or compiled.default_threads()
        compiled.module.session_neighbours(
            indptr, sessions, places, query, item, weight, own, strength, sample, *found, threads
        )
    return found


def neighbours_numpy(
    indptr: I64,
    sessions: I32,
    places: I32,
    query: I64,
    item: I32,
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
        for n, t in enumerate(range(query[b], query[b + 1])):
            if not weight[t] > 0:
                continue
            at = slice(indptr[item[t]], indptr[item[t] + 1])
            first = sessions[at][total[sessions[at]] == 0]
            step[first], place[first] = n, places[at][total[sessions[at]] == 0]
            total[sessions[at]] += weight[t]
        some = np.flatnonzero(total)
        some = some[some != mine][-sample:]
        likeness = total[some] * strength[some]
        best = np.lexsort((-some, -likeness))[:k]
        at = slice(0, len(best))
        found.session[b, at], found.likeness[b, at] = some[best], likeness[best]
        found.step[b, at], found.place[b, at] = step[some[best]], place[some[best]]


def votes(
    indptr: I64,
    item: I32,
    at: I32,
    session: I32,
    weight: F32,
    place: I32,
    near: F32,
    n_items: int,
    *,
    threads: int | None = None,
) -> F32:
    """Return for each item the sum of weight_v near[|at - place_v|] over the sessions v of a query that hold it.

    Args:
        indptr, item, at: for each session its items, each once, and where each stands.
        session, weight, place: (B, k) of each query, session -1 from where there are no more.
        near: what an item counts by its distance from `place`; the last entry holds for all that is further.
        n_items: how many there are.
        threads: None means every core.

    Returns:
        score (B, n_items), NaN where no session of the query holds an item.

    Raises:
        ValueError: arrays that do not fit together.
    """
    indptr = np.ascontiguousarray(indptr, np.int64)
    item, at, session, place = (np.ascontiguousarray(a, np.int32) for a in (item, at, session, place))
    weight, near = np.ascontiguousarray(weight, np.float32), np.ascontiguousarray(near, np.float32)
    check_csr(indptr, item, len(indptr) - 1, n_items)
    if at.shape != item.shape or not session.shape == weight.shape == place.shape or not len(near):
        raise ValueError(f"session {session.shape}, weight {weight.shape} and place {place.shape} must be alike")
    if session.size and not (session.min() >= -1 and session.max() < len(indptr) - 1):
        raise ValueError(f"a session lies in [-1, {len(indptr) - 1}), where -1 is padding")
    if not compiled.native:
        compiled.say_once()
        return votes_numpy(indptr, item, at, session, weight, place, near, n_items)
    score = np.empty((len(session), n_items), np.float32)
    threads = threads or compiled.default_threads()
    compiled.module.session_votes(indptr, item, at, session, weight, place, near, score, threads)
    return score


def votes_numpy(indptr: I64, item: I32, at: I32, session: I32, weight: F32, place: I32, near: F32, n_items: int) -> F32:
    """Do what `votes` does, a session at a time."""
    score = np.full((len(session), n_items), np.nan, np.float32)
    for b, row in enumerate(session):
        for r, v in enumerate(row[row >= 0]):
            held = slice(indptr[v], indptr[v + 1])
            vote = weight[b, r] * near[np.minimum(np.abs(at[held] - place[b, r]), len(near) - 1)]
            score[b, item[held]] = np.nan_to_num(score[b, item[held]]) + vote
    return score
