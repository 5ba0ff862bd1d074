"""Slates from Python with the ids and titles that people know."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from serendip.adapters.scored import adopted
from serendip.arrays import I32
from serendip.data.dataset import Dataset
from serendip.data.interactions import RATED
from serendip.data.queries import Queries, ask
from serendip.errors import UserError
from serendip.evaluation.protocol import Recommends, struck
from serendip.models.contract import Model
from serendip.pipeline.pipeline import Pipeline
from serendip.service.catalogue import title_column

Histories = Sequence[Sequence[object] | Mapping[Any, float]]  # the ids of items that newcomers bring, or their ratings


def recommend(
    model: object,
    data: Dataset,
    users: Sequence[object] | None = None,
    *,
    history: Histories | None = None,
    context: Mapping[str, object] | None = None,
    timestamp: int | None = None,
    k: int = 10,
    keep_seen: bool = False,
) -> pl.DataFrame:
    """Return slates of k items as a data frame: user_id, rank (from 1), item_id, title where there is one, score.

    model: whatever has `score(queries)` or `recommend(queries, k)`. users: ids; where none are given, every user of the
    data. history: in place of users, the item ids that each of some newcomers brings, or the rating of each, as
    {"7": 4.5}; their user_id is their number, from 1. An item of the history is not recommended again unless
    `keep_seen`. context, timestamp: what is known of all these requests, as {"device": "phone"}, and their time
    in ms since 1970, for models that use it. A model that knows nothing of somebody gives no rows: put a `Pipeline`
    around it.

    Raises:
        UserError: both users and histories are given, a user or an item is unknown, or k is below 1.
    """
    if k < 1:
        raise UserError(f"k is a number of items of at least 1, not {k}")
    who, queries = asked(data, users, history)
    return frame(adopted(model, data), data, who, queries.at(timestamp, context), k, keep_seen)


def asked(data: Dataset, users: Sequence[object] | None, history: Histories | None) -> tuple[list[str], Queries]:
    """Return who is asked about, and the questions: some users, or newcomers with histories, or every user.

    Raises:
        UserError: both users and histories are given, or a user or an item is unknown.
    """
    if users is not None and history is not None:
        raise UserError("name users or give histories, not both: a history is what a newcomer brings")
    if history is not None:
        return [str(n + 1) for n in range(len(history))], newcomers(data, history)
    index = np.arange(data.n_users, dtype=np.int32) if users is None else found(data, users)
    return data.users.take(index), data.queries(index)


def newcomers(data: Dataset, history: Histories) -> Queries:
    """Return the questions of newcomers who bring items, each as an event of the data's strongest type or as a rating.

    Raises:
        UserError: an item is unknown, or ratings are brought and the data has none.
    """
    item = [[data.items.find(one, "item") for one in row] for row in history]
    value = [list(row.values()) if isinstance(row, Mapping) else [np.nan] * len(row) for row in history]
    rates = any(isinstance(row, Mapping) for row in history)
    if rates and not data.rated.any():
        raise UserError("a newcomer brings ratings and the events have none: bring the items alone, as a list")
    plain = ask(item, value if rates else None)
    if data.type is None:
        return plain
    strongest = max(np.unique(data.type), key=lambda code: data.rules.weights.get(data.types[code], 1.0))
    kind = np.full(len(plain.history.item), strongest, np.int8)
    if plain.history.value is not None:
        rating = next(code for code, name in enumerate(data.types) if name in RATED)
        kind[~np.isnan(plain.history.value)] = rating
    return replace(plain, history=replace(plain.history, type=kind, types=data.types))


def found(data: Dataset, users: Sequence[object]) -> I32:
    """Return the indices of users by their ids.

    Raises:
        UserError: one is unknown.
    """
    return np.array([data.users.find(one, "user") for one in users], np.int32)


def frame(model: Recommends, data: Dataset, who: list[str], queries: Queries, k: int, keep_seen: bool) -> pl.DataFrame:
    """Return the slates of queries, one row a position that holds an item."""
    exclude = None if keep_seen else queries.history.lists
    if isinstance(model, (Model, Pipeline)):
        slates = model.recommend(queries, k, exclude=exclude)
    else:
        slates = struck(model.recommend(queries, k), None, exclude)
    row, column = np.nonzero(slates.item >= 0)
    item = slates.item[row, column]
    columns = {
        "user_id": pl.Series(who, dtype=pl.String).gather(row),
        "rank": pl.Series(column + 1, dtype=pl.Int32),
        "item_id": data.items.series.gather(item),
    }
    name = None if data.item_features is None else title_column(data.item_features.columns)
    if name is not None and data.item_features is not None:
        columns["title"] = data.item_features[name].cast(pl.String).gather(item)
    return pl.DataFrame(columns | {"score": pl.Series(slates.score[row, column], dtype=pl.Float32)})
