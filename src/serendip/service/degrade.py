"""Answers that are always there: the model's, else the user's last slate, else what is popular, else a static list."""

import logging
import time
from collections.abc import Callable, Collection, Sequence

import msgspec
import numpy as np

from serendip.data.queries import Queries
from serendip.errors import Unavailable, UserError
from serendip.pipeline.pipeline import Pipeline
from serendip.service import shared
from serendip.service import slate as slates
from serendip.service.answer import Event, Recommended, Slate
from serendip.service.asked import request_id
from serendip.service.golden import newcomer
from serendip.service.live import Live
from serendip.service.recent import Last
from serendip.service.serving import Serving

log = logging.getLogger("serendip")
STORE = "the store cannot be read"
MODEL = "the model failed"


def slate(
    serving: Serving, user_id: str, k: int, *, context: slates.Context | None = None, with_history: bool = False,
    how: slates.How = slates.PLAIN,
) -> Slate:  # fmt: skip
    """Return a user's slate; where it cannot be made, what stands in for it, marked `degraded` with the reason.

    While the store cannot be read, the model answers from the history that the user was last seen with.

    Raises:
        NotFound: there is no such pipeline.
    """
    made = of_user(serving, user_id, k, context, with_history, how)
    serving.impressions.put(made)
    return made


def of_user(
    serving: Serving, user_id: str, k: int, context: slates.Context | None, with_history: bool, how: slates.How
) -> Slate:
    """Return a user's slate from the cache, else made anew, else what stands in for it."""
    began = time.perf_counter()
    surfaces = serving.now().surfaces
    keeps = not surfaces.explores(how.pipeline)  # where chance takes part, each request is to draw for itself
    if surfaces.turned(slates.now()):
        serving.cache.clear()
    asked_for, clock = (k, with_history, told(context), how), serving.cache.clock
    kept = serving.cache.get(user_id, asked_for) if serving.reachable and keeps else None
    if kept is not None:
        return again(kept, "cache", began)
    queries = question(serving, user_id, context)
    read = time.perf_counter()
    key = b""
    if serving.shared is not None and queries is not None and keeps:
        key = shared.key_of(serving, user_id, queries, asked_for, how)
        kept = shared.get(serving, key)
        if kept is not None:
            serving.recent.put(user_id, Last(queries, kept.items))
            serving.cache.put(user_id, asked_for, kept, clock)
            return again(kept, "shared", began)
    last = serving.recent.get(user_id) if queries is None else None
    asked = queries or (last and last.queries)
    if asked is None:
        return instead(serving, k, STORE, user_id, how=how)
    made = attempted(serving, lambda live: slates.slate_of(live, asked, user_id, k, with_history=with_history, how=how))
    if isinstance(made, str):
        return instead(serving, k, made, user_id, how=how)
    made.timings_ms["history"] = round((read - began) * 1e3, 3)
    if queries is None:
        made.degraded = STORE
    else:
        serving.recent.put(user_id, Last(queries, made.items))
        if keeps:
            serving.cache.put(user_id, asked_for, made, clock)
        if key:
            shared.put(serving, key, made)
    return made


def again(kept: Slate, where: str, began: float) -> Slate:
    """Return a slate that was made before as the answer to another request."""
    took = {where: round((time.perf_counter() - began) * 1e3, 3)}
    return msgspec.structs.replace(kept, request_id=request_id(), timings_ms=took)


def told(context: slates.Context | None) -> frozenset[tuple[str, object]]:
    """Return what is known of a request as a key."""
    return frozenset((context or {}).items())


def slate_for(
    serving: Serving, history: Sequence[Event], k: int, exclude: Sequence[str] = (),
    context: slates.Context | None = None, *, how: slates.How = slates.PLAIN, user_id: str | None = None,
    item_id: str | None = None,
) -> Slate:  # fmt: skip
    """Return a slate for whoever brings these events; where it cannot be made, what stands in for it.

    Raises:
        NotFound: there is no such item or pipeline.
    """
    serving.live.surfaces.named(how.pipeline)
    made = attempted(
        serving,
        lambda live: slates.slate_for(live, history, k, exclude, context, how=how, user_id=user_id, item_id=item_id),
    )
    if not isinstance(made, Slate):
        page = [] if item_id is None else [item_id]
        out = {*exclude, *page, *(event.item_id for event in history)}
        made = instead(serving, k, made, user_id, left_out=out, how=how)
    serving.impressions.put(made)
    return made


def slate_together(
    serving: Serving, user_ids: Sequence[str], k: int, aggregate: str, exclude: Sequence[str] = (),
    context: slates.Context | None = None, *, how: slates.How = slates.PLAIN,
) -> Slate:  # fmt: skip
    """Return a slate for a group of users; where it cannot be made, what stands in for it.

    Raises:
        UserError: nobody is named, or there is no such pipeline or way to aggregate.
    """
    serving.live.surfaces.named(how.pipeline)
    made = attempted(
        serving, lambda live: slates.slate_together(live, user_ids, k, aggregate, exclude, context, how=how)
    )
    if not isinstance(made, Slate):
        made = instead(serving, k, made, left_out={*exclude}, how=how)
    serving.impressions.put(made)
    return made


def question(serving: Serving, user_id: str, context: slates.Context | None = None) -> Queries | None:
    """Return the question of a user, None while the store cannot be read."""
    if not serving.reachable:
        return None
    try:
        return slates.question(serving.live, user_id, context)
    except Unavailable as error:
        log.error("%s: %s", STORE, error)
        serving.unreachable()
        return None


def attempted(serving: Serving, make: Callable[[Live], Slate]) -> Slate | str:
    """Return a slate, or why there is none."""
    try:
        with serving.answering() as live:
            return make(live)
    except Unavailable:
        serving.unreachable()
        return STORE
    except UserError:
        raise
    except Exception:  # logged and counted by `answering`
        return MODEL


def instead(
    serving: Serving, k: int, why: str, user_id: str | None = None, left_out: Collection[str] = frozenset(),
    how: slates.How = slates.PLAIN,
) -> Slate:  # fmt: skip
    """Return what needs neither the store nor the model: never an item that is not to be shown."""
    live, last = serving.live, None if user_id is None else serving.recent.get(user_id)
    seen = [] if last is None else [live.catalogue.id(item) for item in last.queries.history.item.tolist()]
    banned = {live.catalogue.id(item) for item in live.pipeline.banned.tolist()} | {*left_out, *seen}
    shut = live.surfaces.last(how.pipeline).shut  # what rules left out when the store could still be read
    banned |= set() if shut is None else {live.catalogue.id(item) for item in np.flatnonzero(shut).tolist()}
    ahead, past = ([], set()) if last is not None or user_id is None else precomputed(serving, user_id)
    banned |= past
    items = [one for one in (ahead if last is None else last.items) if one.item_id not in banned]
    there = {one.item_id for one in items}
    try:
        more = general(live, k + len(banned) + len(there)) if len(items) < k else []
    except Exception as error:
        log.error("what is popular failed too: %s: %s", type(error).__name__, error)
        more = [shown(live, item, 0.0, "static") for item in live.pipeline.static.tolist()]
    items = [*items, *(one for one in more if one.item_id not in banned | there)][:k]
    return Slate(items, live.version, how.pipeline, request_id(), user_id, last is not None, why)


def precomputed(serving: Serving, user_id: str) -> tuple[list[Recommended], set[str]]:
    """Return a user's slate of the recommendation table, and the items of the history; nothing where neither is."""
    live = serving.live
    if not serving.reachable:
        return [], set()
    try:
        user = live.store.find_user(user_id)
        if user < 0:  # not known, or opted out
            return [], set()
        past = {live.catalogue.id(item) for item in live.store.history(user).item.tolist()}
        rows = live.store.recommendations(user)
    except Unavailable:
        serving.unreachable()
        return [], set()
    return [Recommended(one.item_id, live.catalogue.title(one.item), one.score, one.reason or "", "table")
            for one in rows], past  # fmt: skip


def general(live: Live, k: int) -> list[Recommended]:
    """Return what anybody may be shown: what is popular, then the static list."""
    pipeline = live.pipeline
    first = pipeline.fallback or pipeline.model
    picked, stage = Pipeline(first, None, pipeline.banned, pipeline.static).traced(newcomer(), k)
    return [
        shown(live, item, score, "static" if which else "fallback")
        for item, score, which in zip(picked.item[0].tolist(), picked.score[0].tolist(), stage[0].tolist(), strict=True)
        if item >= 0 and np.isfinite(score)
    ]


def shown(live: Live, item: int, score: float, source: str) -> Recommended:
    """Return an item as a position of a slate."""
    return Recommended(live.catalogue.id(item), live.catalogue.title(item), score, "", source)
