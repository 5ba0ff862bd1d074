"""Histories in and out: what somebody brings as a model reads it, and what is past as a slate's reader sees it."""

from collections.abc import Sequence

import numpy as np

from serendip.data.queries import History, no_history, offsets
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
