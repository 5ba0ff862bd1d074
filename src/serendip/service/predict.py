"""Ratings from Python, predicted for users and for newcomers by the ids that people know."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from serendip.adapters.scored import named
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.models.contract import Predicts
from serendip.service.recommend import Histories, asked


def predict(
    model: object,
    data: Dataset,
    items: Sequence[object],
    users: Sequence[object] | None = None,
    *,
    history: Histories | None = None,
    context: Mapping[str, object] | None = None,
    timestamp: int | None = None,
) -> pl.DataFrame:
    """Return what users are predicted to rate items, one item each, as a data frame: user_id, item_id, rating.

    items: ids, one for each user. users, history, context, timestamp: who is asked about, as for `recommend`.

    Raises:
        UserError: the model predicts no ratings, there are not as many items as users, both users and histories are
            given, or a user or an item is unknown.
    """
    if not isinstance(model, Predicts):
        raise UserError(f"{named(model)} predicts no ratings: take a model that has learned from some, as of svd")
    who, queries = asked(data, users, history)
    if len(items) != len(who):
        raise UserError(f"predict asks for one item of each user: there are {len(items)} and {len(who)}")
    item = np.array([data.items.find(one, "item") for one in items], np.int32)
    rating = model.predict(queries.at(timestamp, context), item)
    return pl.DataFrame(
        {"user_id": who, "item_id": data.items.take(item), "rating": pl.Series(rating, dtype=pl.Float32)}
    )
