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
        UserError: both users and histories are given, one is not a list, or a user or an item is unknown.
    """
    if users is not None and history is not None:
        raise UserError("name users or give histories, not both: a history is what a newcomer brings")
    if isinstance(users, (str, int, np.integer)):
        raise UserError(f"users are a list of ids: write [{users!r}]")
    if history is not None:
        return [str(n + 1) for n in range(len(history))], newcomers(data, history)
    index = np.arange(data.n_users, dtype=np.int32) if users is None else found(data, users)
    return data.users.take(index), data.queries(index)


def newcomers(data: Dataset, history: Histories) -> Queries:
    """Return the questions of newcomers who bring items, each as an event of the data's strongest type or as a rating.

    Raises:
        UserError: an item is unknown, a history is no list, a rating is no number, or the data has no ratings.
    """
    if isinstance(history, (str, Mapping)) or any(isinstance(row, str) for row in history):
        raise UserError(
            'histories are a list, of a list or a dict for each newcomer: history=[["7", "12"], {"7": 4.5}]'
        )
    item = [[data.items.find(one, "item") for one in row] for row in history]
    value = [
        [rating(of, one) for of, one in row.items()] if isinstance(row, Mapping) else [np.nan] * len(row)
        for row in history
    ]
    rates = any(isinstance(row, Mapping) for row in history)
    if rates and not data.rated.any():
        raise UserError("a newcomer brings ratings and the events have none: bring the items alone, as a list")
    plain = ask(item, value if rates else None)
    if data.type is None:
        return plain
    strongest = max(np.unique(data.type), key=lambda code: data.rules.weights.get(data.types[code], 1.0))
    kind = np.full(len(plain.history.item), strongest, np.int8)
    if plain.history.value is not None:
        kind[~np.isnan(plain.history.value)] = next(code for code, name in enumerate(data.types) if name in RATED)
    return replace(plain, history=replace(plain.history, type=kind, types=data.types))


def rating(item_id: object, brought: object) -> float:
    """Return a rating that a newcomer brings.

    Raises:
        UserError: it is no finite number.
    """
    if isinstance(brought, (int, float, np.number)) and np.isfinite(brought):
        return float(brought)
    raise UserError(f"a newcomer rates item {item_id!r} with {brought!r}, which is no number: bring one, as 4.5")


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
