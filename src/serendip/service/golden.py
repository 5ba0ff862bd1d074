"""Golden requests: a few questions kept with a model, with the slates that it gave when it was fitted.

Before a model takes over it answers them again: from the files, in the process that is to serve. They warm it up, too.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serendip.data.dataset import Dataset
from serendip.data.queries import History, Queries, no_history
from serendip.errors import UserError
from serendip.models.contract import Model, Similar
from serendip.pipeline.made import Asked
from serendip.service.live import Live
from serendip.service.slate import answer

K = 10
USERS, LONGEST = 4, 200  # how many users are kept, and the longest history of one
CLOSE = 1e-3  # relative difference of scores that rounding may make on another machine
SLOW = 2.0  # seconds that one answer may take once the model is warm
Request = Mapping[str, Any]


def asked(model: Model, data: Dataset) -> list[Request]:
    """Return some users of the data as golden requests, and a newcomer, with what the model answers."""
    count = np.diff(data.offset)
    short = np.flatnonzero((count > 0) & (count <= LONGEST))
    picked = short[np.linspace(0, len(short) - 1, min(USERS, len(short))).astype(np.int64)]
    requests: list[Request] = []
    for user in [*picked.tolist(), -1]:
        queries = data.queries(np.array([user], np.int32)) if user >= 0 else newcomer()
        slates = model.recommend(queries, K, exclude=queries.history.lists)
        there = slates.item[0] >= 0
        requests.append({
            "user": user, "history": plain(queries.history), "item": slates.item[0][there].tolist(),
            "score": [float(s) for s in slates.score[0][there]],
        })  # fmt: skip
    return requests


def newcomer() -> Queries:
    """Return the question of somebody of whom nothing is known."""
    return Queries(np.array([-1], np.int32), no_history(1))


def plain(history: History) -> dict[str, object]:
    """Return one history as plain data."""
    value = None if history.value is None else [None if np.isnan(v) else float(v) for v in history.value]
    return {
        "item": history.item.tolist(), "value": value, "types": list(history.types),
        "type": None if history.type is None else history.type.tolist(),
        "timestamp": None if history.timestamp is None else history.timestamp.tolist(),
    }  # fmt: skip


def queries_of(request: Request) -> Queries:
    """Return the question of a golden request."""
    past = request["history"]
    value, kind, stamp = past["value"], past["type"], past["timestamp"]
    history = History(
        np.array([0, len(past["item"])], np.int64),
        np.array(past["item"], np.int32),
        None if value is None else np.array([np.nan if v is None else v for v in value], np.float32),
        None if kind is None else np.array(kind, np.int8),
        None if stamp is None else np.array(stamp, np.int64),
        tuple(past["types"]),
    )
    return Queries(np.array([request["user"]], np.int32), history)


def check(live: Live, requests: Sequence[Request]) -> None:
    """Let what is to take over answer golden requests, whole slates with reasons and similar items.

    Raises:
        UserError: it answers otherwise than it did, with too few items, with a score that is no number, too slowly, or
            not at all.
    """
    try:
        for n, request in enumerate(requests):
            again(live, request, n + 1)
        if isinstance(live.alike, Similar) and live.pipeline.model.n_items:
            live.alike.similar(np.zeros(1, np.int32), K)
        whole(live, newcomer())
        for request in requests:
            whole(live, queries_of(request))
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"it fails on a golden request: {type(error).__name__}: {error}") from error


def again(live: Live, request: Request, n: int) -> None:
    """Raise a UserError where the model answers a golden request otherwise than it did."""
    model, queries = live.pipeline.model, queries_of(request)
    slates = model.recommend(queries, K, exclude=queries.history.lists)
    there = slates.item[0] >= 0
    item, score = slates.item[0][there].tolist(), slates.score[0][there]
    expected = np.array(request["score"], np.float32)
    if len(score) != len(expected):
        raise UserError(f"golden request {n}: {len(score)} items, and {len(expected)} when it was fitted")
    off = ~np.isclose(score, expected, rtol=CLOSE, atol=CLOSE * float(np.abs(expected).max(initial=1e-9)))
    if off.any():  # NaN is close to nothing
        at = int(np.argmax(off))
        raise UserError(f"golden request {n}: position {at + 1} scores {score[at]:g}, and {expected[at]:g} when fitted")
    strangers = set(item) - set(request["item"])
    if len(strangers) > len(item) // 2:  # where scores are as good as equal, a few may change places with others
        raise UserError(f"golden request {n}: {len(strangers)} of {len(item)} items are others than when it was fitted")


def whole(live: Live, queries: Queries) -> None:
    """Raise a UserError where a whole slate is short of items, holds a score that is no number, or takes too long."""
    answer(live, Asked(queries, K))  # what is made once, as an index, is made now
    began = time.perf_counter()
    made = answer(live, Asked(queries, K))
    took = time.perf_counter() - began
    pipeline, most = live.pipeline, 0
    if pipeline.fallback is not None:
        known = np.isfinite(pipeline.fallback.score(queries)[0])
        known[np.union1d(queries.history.item, pipeline.banned)] = False
        most = min(K, int(known.sum()))
    if len(made.items) < most:
        raise UserError(f"a slate has {len(made.items)} items where {most} could be")
    if any(not np.isfinite(one.score) for one in made.items):
        raise UserError("a slate holds a score that is no number")
    if took > SLOW:
        raise UserError(f"a slate takes {took:.1f} s")
