"""Histories in and out: what somebody brings as a model reads it, and what is past as a slate's reader sees it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from serendip.arrays import F32, I8, I64, offsets
from serendip.data.queries import History, no_history
from serendip.data.readers.columns import event_type
from serendip.errors import UserError
from serendip.service.answer import Event
from serendip.service.live import Live
from serendip.store.events import MAX_TYPES

SHOWN = 50  # events of a history that an answer carries


def history_of(live: Live, user: int) -> History:
    """Return a user's events as they stand in the store now; none for an unknown user."""
    return live.store.history(user) if user >= 0 else no_history(1)


def brought(live: Live, events: Sequence[Event]) -> History:
    """Return the history of whoever brings these events, the oldest first; items that nobody knows are passed over.

    Raises:
        UserError: they are of more types than there can be.
    """
    item = np.array([live.catalogue.get(event.item_id) for event in events], np.int32)
    there = item >= 0
    kinds = [event_type(event.type) for event in events]
    names = tuple(dict.fromkeys(kinds))
    if len(names) > MAX_TYPES:
        raise UserError(f"a history has at most {MAX_TYPES} types of events, not {len(names)}")
    value = np.array([np.nan if event.value is None else event.value for event in events], np.float32)
    kind = np.array([names.index(kind) for kind in kinds], np.int8)
    stamp = np.array([event.timestamp or 0 for event in events], np.int64)
    return History(offsets(np.array([there.sum()])), item[there], value[there], kind[there], stamp[there], names)


def together(histories: Sequence[History]) -> History:
    """Return the histories of one user each as those of a group; their type codes are the store's."""
    count = np.array([len(one.item) for one in histories], np.int64)
    types = max((one.types for one in histories), key=len)
    return History(offsets(count), np.concatenate([one.item for one in histories]), *columns(histories), types)


def joined(past: History, session: History, now: int) -> History:
    """Return one history with what a session adds to it; an event of the session without a time is of now (ms)."""
    if not len(session.item) or not len(past.item):
        return session if len(session.item) else past
    types = tuple(dict.fromkeys([*(past.types or ("interaction",)), *session.types]))
    code = np.array([types.index(name) for name in session.types], np.int8)
    item, n = np.concatenate([past.item, session.item]), len(past.item)
    value, kind, stamp = columns([past, replace(session, type=None if session.type is None else code[session.type])])
    if past.timestamp is None or stamp is None:
        stamp = None
    else:
        stamp[n:] = np.where(stamp[n:] > 0, stamp[n:], now)
    return History(np.array([0, len(item)], np.int64), item, value, kind, stamp, types)


def columns(histories: Sequence[History]) -> tuple[F32 | None, I8 | None, I64 | None]:
    """Return value, type and timestamp of histories one after the other; None where none of them has any."""
    n = [len(one.item) for one in histories]
    value = [one.value if one.value is not None else np.full(m, np.nan, np.float32)
             for m, one in zip(n, histories, strict=True)]  # fmt: skip
    kind = [one.type if one.type is not None else np.zeros(m, np.int8) for m, one in zip(n, histories, strict=True)]
    stamp = [one.timestamp if one.timestamp is not None else np.zeros(m, np.int64)
             for m, one in zip(n, histories, strict=True)]  # fmt: skip
    return (
        None if all(one.value is None for one in histories) else np.concatenate(value),
        None if all(one.type is None for one in histories) else np.concatenate(kind),
        None if all(one.timestamp is None for one in histories) else np.concatenate(stamp),
    )


def shown(live: Live, history: History) -> list[Event]:
    """Return the last events of one history, the latest first."""
    last = range(len(history.item) - 1, max(len(history.item) - SHOWN, 0) - 1, -1)
    return [
        Event(
            live.catalogue.id(int(history.item[e])),
            live.catalogue.title(int(history.item[e])),
            history.types[history.type[e]] if history.type is not None and history.types else "interaction",
            None if history.value is None or np.isnan(history.value[e]) else float(history.value[e]),
            None if history.timestamp is None else int(history.timestamp[e]),
        )
        for e in last
    ]
