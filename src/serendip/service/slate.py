"""Slates: for a user of the store, for whoever brings a history, for a group, for an item's page."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import polars as pl
from msgspec import UNSET

from serendip.data.queries import Queries
from serendip.errors import UserError, nearest
from serendip.pipeline.made import AGGREGATES, Asked, Made
from serendip.pipeline.pipeline import STAGES
from serendip.service.answer import Dropped, Event, Recommended, Slate, Stage
from serendip.service.asked import request_id
from serendip.service.history import brought, history_of, joined, shown, together
from serendip.service.live import Live
from serendip.service.reasons import contributions, whys
from serendip.service.surfaces import DEFAULT

Context = Mapping[str, object]  # what is known of a request, as {"device": "phone"}
NAMED = 10  # items that a trace names for each reason
MEMBERS = 50  # of a group


@dataclass(frozen=True)
class How:
    """How a slate is asked for: by which pipeline, and what is told with it."""

    pipeline: str = DEFAULT
    trace: bool = False
    contributions: bool = False


PLAIN = How()


def slate(
    live: Live, user_id: str, k: int, *, context: Context | None = None, with_history: bool = False, how: How = PLAIN
) -> Slate:
    """Return a user's slate from the history as it stands now; an unknown user gets what a newcomer does."""
    began = time.perf_counter()
    queries = question(live, user_id, context)
    read = time.perf_counter()
    made = slate_of(live, queries, user_id, k, with_history=with_history, how=how)
    made.timings_ms["history"] = round((read - began) * 1e3, 3)
    return made


def question(live: Live, user_id: str, context: Context | None = None) -> Queries:
    """Return the question of a user, asked now: who it is, with history and attributes as the store has them now.

    Attributes are left out where no model reads them.
    """
    user = live.store.find_user(user_id)
    about = live.store.user_features(user) if live.reads_users else None
    return Queries(np.array([user], np.int32), history_of(live, user), user_features=about).at(now(), context)


def now() -> int:
    """Return the time in ms since 1970."""
    return time.time_ns() // 1_000_000


def slate_of(
    live: Live, queries: Queries, user_id: str, k: int, *, with_history: bool = False, how: How = PLAIN
) -> Slate:
    """Return the slate of a user's question."""
    made = answer(live, Asked(queries, k), how, user_id=user_id, known=bool(queries.user[0] >= 0))
    if with_history:
        made.history = shown(live, queries.history)
    return made


def slate_for(
    live: Live, history: Sequence[Event], k: int, exclude: Sequence[str] = (), context: Context | None = None, *,
    how: How = PLAIN, user_id: str | None = None, item_id: str | None = None,
) -> Slate:  # fmt: skip
    """Return a slate for whoever brings these events; items that nobody knows are passed over.

    user_id: a user of the store, to whose history these events are added: a session. item_id: whose page it is for.

    Raises:
        NotFound: there is no such item, or no such pipeline.
    """
    session = brought(live, history)
    queries = Queries(np.array([-1], np.int32), session)
    if user_id is not None:
        asked = question(live, user_id)
        queries = Queries(asked.user, joined(asked.history, session, now()), user_features=asked.user_features)
    item = -1 if item_id is None else live.catalogue.find(item_id)
    out = np.array([live.catalogue.get(one) for one in exclude], np.int32)
    asked_ = Asked(queries.at(now(), context), k, out[out >= 0], item=item)
    return answer(live, asked_, how, user_id=user_id, known=len(queries.history.item) > 0)


def slate_together(
    live: Live, user_ids: Sequence[str], k: int, aggregate: str = AGGREGATES[0], exclude: Sequence[str] = (),
    context: Context | None = None, *, how: How = PLAIN,
) -> Slate:  # fmt: skip
    """Return a slate for a group of users: nothing that one of them has seen; an unknown user does not count.

    Raises:
        UserError: nobody is named, or too many, or there is no such way to aggregate.
    """
    if aggregate not in AGGREGATES:
        raise UserError(
            f"aggregate is one of {', '.join(AGGREGATES)}, not {aggregate!r}{nearest(aggregate, AGGREGATES)}"
        )
    if not 1 <= len(user_ids) <= MEMBERS:
        raise UserError(f"a group has from 1 to {MEMBERS} users, not {len(user_ids)}")
    each = [question(live, user_id) for user_id in dict.fromkeys(user_ids)]
    features = [one.user_features for one in each if one.user_features is not None]
    about = pl.concat(features, how="diagonal") if len(features) == len(each) else None
    user, history = np.concatenate([one.user for one in each]), together([one.history for one in each])
    queries = Queries(user, history, user_features=about).at(now(), context)
    out = np.array([live.catalogue.get(one) for one in exclude], np.int32)
    asked = Asked(queries, k, out[out >= 0], aggregate=aggregate)
    return answer(live, asked, how, known=bool((queries.user >= 0).any()))


def answer(live: Live, asked: Asked, how: How = PLAIN, *, user_id: str | None = None, known: bool = True) -> Slate:
    """Return the slate of one question.

    Raises:
        NotFound: there is no such pipeline.
    """
    began, moment, id_ = time.perf_counter(), now(), request_id()
    surface = live.surfaces.at(how.pipeline, live.pipeline, live.alike, moment)
    seed = int.from_bytes(blake2b(id_.encode(), digest_size=7).digest())
    ready = time.perf_counter()
    made = surface.made(
        Asked(asked.queries, asked.k, asked.exclude, asked.candidates, asked.item, asked.aggregate, seed, moment)
    )
    ranked = time.perf_counter()
    catalogue, slate = live.catalogue, made.scored
    said = whys(made, surface.about, catalogue.titles)
    if len(asked.queries) > 1:
        said = [text.replace("because you ", "because one of you ", 1) for text in said]
    done = time.perf_counter()
    items = [
        Recommended(catalogue.id(i), catalogue.title(i), s, reason, STAGES[which])
        for i, s, reason, which in zip(
            slate.item.tolist(), slate.score.tolist(), said, made.stage.tolist(), strict=True
        )
    ]
    if how.contributions:
        for one, parts in zip(items, contributions(slate, catalogue), strict=True):
            one.contributions = parts
    if made.propensity is not None:
        for one, chance in zip(items, made.propensity.tolist(), strict=True):
            one.propensity = chance
    timings = {step.stage: step.ms for step in made.trace}
    timings |= {"rules": round((ready - began) * 1e3, 3), "reasons": round((done - ranked) * 1e3, 3)}
    trace = told(made, live) if how.trace else UNSET
    return Slate(items, live.version, how.pipeline, id_, user_id, known, None, [], timings, trace)


def told(made: Made, live: Live) -> list[Stage]:
    """Return what each stage did, with the first of the items that it left out."""
    return [
        Stage(step.stage, step.kept, [
            Dropped(why, len(items), [live.catalogue.id(item) for item in items[:NAMED].tolist()])
            for why, items in step.dropped
        ], step.ms)
        for step in made.trace
    ]  # fmt: skip
