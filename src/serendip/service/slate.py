"""Slates: for a user of the store, or for whoever brings a history."""

import time
from collections.abc import Mapping, Sequence

import numpy as np

from serendip.arrays import I8, I32
from serendip.data.queries import ItemLists, Queries
from serendip.pipeline.pipeline import STAGES
from serendip.service.answer import Event, Recommended, Slate
from serendip.service.asked import request_id
from serendip.service.history import brought, history_of, shown
from serendip.service.live import Live
from serendip.service.reasons import reasons

Context = Mapping[str, object]  # what is known of a request, as {"device": "phone"}


def slate(live: Live, user_id: str, k: int, *, context: Context | None = None, with_history: bool = False) -> Slate:
    """Return a user's slate from the history as it stands now; an unknown user gets what a newcomer does."""
    began = time.perf_counter()
    queries = question(live, user_id, context)
    read = time.perf_counter()
    made = slate_of(live, queries, user_id, k, with_history=with_history)
    made.timings_ms["history"] = round((read - began) * 1e3, 3)
    return made


def question(live: Live, user_id: str, context: Context | None = None) -> Queries:
    """Return the question of a user, asked now: who it is, with history and attributes as the store has them now."""
    user = live.store.find_user(user_id)
    about = live.store.user_features(user)
    return Queries(np.array([user], np.int32), history_of(live, user), user_features=about).at(now(), context)


def now() -> int:
    """Return the time in ms since 1970."""
    return time.time_ns() // 1_000_000


def slate_of(live: Live, queries: Queries, user_id: str, k: int, *, with_history: bool = False) -> Slate:
    """Return the slate of a user's question."""
    made = answer(live, queries, k, user_id=user_id, known=bool(queries.user[0] >= 0))
    if with_history:
        made.history = shown(live, queries.history)
    return made


def slate_for(
    live: Live, history: Sequence[Event], k: int, exclude: Sequence[str] = (), context: Context | None = None
) -> Slate:
    """Return a slate for whoever brings these events; items that nobody knows are passed over."""
    queries = Queries(np.array([-1], np.int32), brought(live, history)).at(now(), context)
    out = np.array([live.catalogue.get(item_id) for item_id in exclude], np.int32)
    return answer(live, queries, k, known=len(queries.history.item) > 0, exclude=out[out >= 0])


def answer(
    live: Live, queries: Queries, k: int, *, user_id: str | None = None, known: bool = True, exclude: I32 | None = None
) -> Slate:
    """Return the slate of one query."""
    began = time.perf_counter()
    left_out = queries.history.item if exclude is None else np.concatenate([queries.history.item, exclude])
    left_out = left_out[left_out < live.pipeline.model.n_items]
    out = ItemLists(np.array([0, len(left_out)]), left_out)
    slates, stage = live.pipeline.traced(queries, k, exclude=out)
    ranked = time.perf_counter()
    there = slates.item[0] >= 0
    item, score, source = slates.item[0][there], slates.score[0][there], stage[0][there]
    said = why(live, queries, item, source)
    done = time.perf_counter()
    items = [
        Recommended(live.catalogue.id(i), live.catalogue.title(i), s, reason, STAGES[which])
        for i, s, reason, which in zip(item.tolist(), score.tolist(), said, source.tolist(), strict=True)
    ]
    timings = {"rank": round((ranked - began) * 1e3, 3), "reasons": round((done - ranked) * 1e3, 3)}
    return Slate(items, live.version, "default", request_id(), user_id, known, None, [], timings)


def why(live: Live, queries: Queries, item: I32, source: I8) -> list[str]:
    """Return why each item of a slate of one query stands there."""
    said = [""] * len(item)
    for which, model in ((0, live.pipeline.model), (1, live.pipeline.fallback)):
        at = np.flatnonzero(source == which)
        if model is None or not len(at):
            continue
        texts = reasons(model, queries, item[at], np.zeros(len(at), np.int64), live.catalogue.titles)
        for place, text in zip(at.tolist(), texts, strict=True):
            said[place] = text
    return said
