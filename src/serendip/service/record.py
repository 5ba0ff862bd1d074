"""Record events as they happen: on disk before they are acknowledged, each once."""

import json
import time
from collections.abc import Mapping, Sequence

import polars as pl

from serendip.data.ids import as_text
from serendip.data.readers.columns import event_type
from serendip.data.tables import EVENT_SCHEMA, Tables
from serendip.errors import UserError
from serendip.store.store import Store

DAY = 86_400_000  # milliseconds
EARLIEST = 100_000_000_000  # ms: 1973; what is below was meant in seconds


def record(store: Store, events: Sequence[Mapping[str, object]]) -> tuple[int, int]:
    """Write events; return how many were new and how many had been recorded before (by event_id).

    An event has user_id and item_id; type, value, timestamp (ms; now where missing), event_id and context may be there.

    Raises:
        UserError: an event is not possible; none of them is written.
        Unavailable: the disk is full or the store is gone; none of them is written.
    """
    now = int(time.time() * 1000)
    rows = [row(event, now) for event in events]
    added = store.add(Tables(pl.DataFrame(rows, schema=EVENT_SCHEMA)))
    return added.new, added.repeated


def row(event: Mapping[str, object], now: int) -> dict[str, object]:
    """Return an event as a row of the events table.

    Raises:
        UserError: an id is missing, the time is none of this world, or the context is nested too deeply.
    """
    made = {name: event.get(name) for name in EVENT_SCHEMA}
    for name in ("user_id", "item_id"):
        made[name] = "" if made[name] is None else as_text(made[name])
        if not made[name]:
            raise UserError(f"an event needs a {name}")
    stamp = made["timestamp"] = now if made["timestamp"] is None else made["timestamp"]
    if not isinstance(stamp, int) or not EARLIEST <= stamp <= now + DAY:
        raise UserError(f"the timestamp {stamp} is not in milliseconds since 1970, or lies in the future")
    made["type"] = event_type(str(made["type"] or "interaction").strip())
    try:
        made["context"] = None if made["context"] is None else json.dumps(made["context"], ensure_ascii=False)
    except RecursionError:
        raise UserError("the context of an event is nested too deeply") from None
    return made
