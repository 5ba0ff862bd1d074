"""What was shown: one row a slate, by the id of its request, so that events that name it can be joined with it."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from serendip.store.connection import Database


class Impression(NamedTuple):
    """A slate that was shown. timestamp: ms since 1970; user: index, -1: unknown; item: indices by position;
    propensity: the probability that each stood there, None where no chance took part."""

    request_id: str
    timestamp: int
    user: int
    pipeline: str
    model: str
    item: tuple[int, ...]
    propensity: tuple[float, ...] | None = None


def add(database: Database, shown: Sequence[Impression]) -> None:
    """Write slates that were shown, in one transaction."""
    rows = [
        (*one[:5], json.dumps(one.item), None if one.propensity is None else json.dumps(one.propensity))
        for one in shown
    ]
    with database.write() as connection:
        connection.executemany(
            "INSERT INTO impressions(request_id, timestamp, user, pipeline, model, item, propensity)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT(request_id) DO NOTHING",
            rows,
        )


def find(database: Database, request_id: str) -> Impression | None:
    """Return the slate of a request, None where none is recorded."""
    with database.read() as connection:
        row = connection.execute(
            "SELECT request_id, timestamp, user, pipeline, model, item, propensity FROM impressions"
            " WHERE request_id = ?",
            [request_id],
        ).fetchone()
    if row is None:
        return None
    request_id, timestamp, user, pipeline, model, item, chance = row
    propensity = None if chance is None else tuple(json.loads(chance))
    return Impression(request_id, timestamp, user, pipeline, model, tuple(json.loads(item)), propensity)
