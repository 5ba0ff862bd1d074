"""Record events as they happen: on disk before they are acknowledged, each once."""

import json
import time
from collections.abc import Mapping, Sequence

import polars as pl

from serendip.data.tables import EVENT_SCHEMA, Tables
from serendip.store.store import Store


def record(store: Store, events: Sequence[Mapping[str, object]]) -> tuple[int, int]:
    """Write events; return how many were new and how many had been recorded before (by event_id).

    An event has user_id and item_id; type, value, timestamp (ms; now where missing), event_id and context may be there.

    Raises:
        UserError: the disk is full; none of them is written.
    """
    now = int(time.time() * 1000)
    rows = []
    for event in events:
        row = {name: event.get(name) for name in EVENT_SCHEMA}
        row["timestamp"] = now if row["timestamp"] is None else row["timestamp"]
        row["type"] = row["type"] or "interaction"
        row["context"] = None if event.get("context") is None else json.dumps(event["context"], ensure_ascii=False)
        rows.append(row)
    added = store.add(Tables(pl.DataFrame(rows, schema=EVENT_SCHEMA)))
    return added.new, added.repeated
