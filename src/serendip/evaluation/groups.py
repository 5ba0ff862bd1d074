"""Groups of test users: any metric can be had of each, so that a mean does not hide whom a model serves badly."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from serendip.arrays import Bool
from serendip.errors import UserError, nearest
from serendip.evaluation.task import Task
from serendip.metrics.name import Metric
from serendip.stats.bootstrap import Estimate

MOST = 12  # groups of one column
HISTORY = "history"
MISSING, OTHERS = "(missing)", "(others)"


class Group(NamedTuple):
    """What is found of a group's users."""

    n_users: int
    estimates: Mapping[Metric, Estimate]


def groups(task: Task, column: str) -> dict[str, Bool]:
    """Return which test users are in each group that a column makes, (B,) each: its values in order.

    column: an attribute of users, a column of the context of their requests, or `history`, how many events they bring.
    Numbers of more than 12 different values are cut into quarters; of more than 12 other values the rarest are one
    group, "(others)". A list puts a user into the group of each of its values. Who has no value is in "(missing)".

    Raises:
        UserError: there is no such column, or it holds vectors.
    """
    about = task.queries.user_features
    known = {
        HISTORY: pl.Series(np.diff(task.queries.history.offset)),
        **task.queries.context,
        **({} if about is None else {name: about[name] for name in about.columns}),
    }
    if column not in known:
        raise UserError(f"test users cannot be grouped by {column!r}: there is no such column{nearest(column, known)}")
    rows = pl.DataFrame({"user": np.arange(len(task)), "value": known[column]})
    if isinstance(rows["value"].dtype, pl.List | pl.Array):
        rows = rows.explode("value")
        if rows["value"].dtype.is_numeric():
            raise UserError(f"test users cannot be grouped by {column!r}: it holds vectors")
    value = rows["value"]
    if value.dtype.is_float():
        value = value.fill_nan(None)
    parts = quarters(value.drop_nulls()) if value.dtype.is_numeric() else commonest(value.drop_nulls())
    chosen = {label: value.is_in(some.implode()) for label, some in parts.items()} | {MISSING: value.is_null()}
    made: dict[str, Bool] = {}
    for label, of in chosen.items():
        made[label] = np.zeros(len(task), np.bool_)
        made[label][rows["user"].filter(of.fill_null(False)).to_numpy()] = True
    return {label: users for label, users in made.items() if users.any()}


def quarters(value: pl.Series) -> dict[str, pl.Series]:
    """Return the numbers of each group in order: each its own where few are different, else the four quarters."""
    different = value.unique().sort()
    if len(different) <= MOST:
        return {f"{x:.15g}": different[n : n + 1] for n, x in enumerate(different)}
    bounds = np.quantile(value.to_numpy(), (0.25, 0.5, 0.75))
    quarter = pl.Series(np.searchsorted(bounds, different.to_numpy()))
    parts = [different.filter(quarter == n) for n in range(4)]
    return {" to ".join(f"{x:.15g}" for x in part[[0, -1]].unique().sort()): part for part in parts if len(part)}


def commonest(value: pl.Series) -> dict[str, pl.Series]:
    """Return the values of each group in order: each its own, and the rarest together where too many are different."""
    count = value.alias("value").value_counts().sort("count", "value", descending=[True, False])["value"]
    own = count if len(count) <= MOST else count.head(MOST - 1)
    made = {str(x): own.filter(own == x) for x in own.sort()}
    return made if len(own) == len(count) else made | {OTHERS: count[len(own) :]}
