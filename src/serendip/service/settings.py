"""The settings of a project, as its other services need them."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import polars as pl

from serendip.arrays import I32
from serendip.config import Interactions, Settings, read, write
from serendip.data.dataset import Dataset
from serendip.data.interactions import EVENT_TYPES, InteractionRules
from serendip.data.readers import Columns
from serendip.errors import UserError, nearest
from serendip.metrics.name import Metric, parse
from serendip.registry import ALGORITHMS
from serendip.service.whole import write_whole
from serendip.store.project import Project
from serendip.store.store import Store

COLUMNS = tuple(field.name for field in fields(Columns))


def settings_of(project: Project) -> Settings:
    """Return what `serendip.toml` says, the defaults where there is none.

    Raises:
        UserError: the file cannot be read, or it names a metric, an algorithm or a column that there is not.
    """
    if not project.settings.exists():
        return Settings()
    found = read(project.settings)
    try:
        primary(found)
        for name in found.evaluation.metrics:
            parse(name)
        for names, table, what in (
            (found.training.algorithms, ALGORITHMS, "algorithm"),
            (found.training.hyperparameters, ALGORITHMS, "algorithm"),
            (found.data.columns, COLUMNS, "kind of column"),
        ):
            for name in names:
                if name not in table:
                    raise UserError(f"there is no {what} {name!r}{nearest(name, table)}")
    except UserError as error:
        raise UserError(f"{project.settings}: {error}") from None
    return found


def told_by(columns: Columns, settings: Settings) -> Columns:
    """Return the user's word on the columns: what `serendip.toml` says, where it is not said now."""
    said = {name: text for name, text in vars(columns).items() if text is not None}
    return Columns(**{**settings.data.columns, **said})


def write_settings(project: Project, settings: Settings) -> None:
    """Write `serendip.toml`, unless there is one."""
    if not project.settings.exists():
        write_whole(project.settings, write(settings))


def primary(settings: Settings) -> Metric:
    """Return the primary metric.

    Raises:
        UserError: there is no metric of that name, or it has no better and worse.
    """
    metric = parse(settings.objective.metric)
    if metric.direction == 0 or metric.definition.unit != "user":
        hint = f"; `train --auto --metric {metric}` chooses by it" if metric.definition.unit == "row" else ""
        raise UserError(f"{metric} cannot be the primary metric: it takes one with a value a user, as ndcg@10{hint}")
    return metric


def rules(given: Interactions, data: Dataset) -> InteractionRules:
    """Return the interaction rules that the settings say.

    Ratings without a threshold: half of the scale. Weights are relative: the strongest type in the data weighs 1, so
    that hyperparameters mean the same whatever the events are called; and so does a bare item that a newcomer brings.

    Raises:
        UserError: a weight is given to a type that is neither known nor in the data.
    """
    for name in given.weights:
        if name not in EVENT_TYPES and name not in data.types:
            raise UserError(f"[interactions] weights names {name!r}, and no event is one{nearest(name, data.types)}")
    threshold: float | None = given.rating_threshold or None
    if threshold is None and data.rated.any():
        assert data.value is not None
        value = data.value[data.rated]
        threshold = float(np.ceil((value.min() + value.max()) / 2))
    weights = {**EVENT_TYPES, **{name: float(weight) for name, weight in given.weights.items()}}
    strongest = max((weights.get(name, 1.0) for name in present(data)), default=1.0)
    if "interaction" not in present(data):
        weights["interaction"] = strongest
    if strongest > 0:
        weights = {name: weight / strongest for name, weight in weights.items()}
    return InteractionRules(weights, threshold, given.use_values, given.half_life or None)


def weighed(settings: Settings, chosen: InteractionRules) -> Settings:
    """Return the settings with the decay and the use of values of some rules."""
    told = replace(settings.interactions, half_life=chosen.half_life or 0.0, use_values=chosen.use_values)
    return replace(settings, interactions=told)


def present(data: Dataset) -> list[str]:
    """Return the types of event that the data has."""
    if data.type is None:
        return ["interaction"]
    return [data.types[code] for code in np.unique(data.type)]


def learned(store: Store, settings: Settings) -> Dataset:
    """Return the store's events as the models are to learn them: under the project's rules, less what it leaves out.

    Raises:
        UserError: the store has no events, a key of their context is none's, or an item or an attribute to leave out is
            not known.
    """
    data = store.dataset(context=settings.data.context)
    if len(data) == 0:
        raise UserError(f"{store.where} holds no events: load some first with `serendip ingest FILE`")
    for name, column in data.context.items():
        if column.null_count() == len(column):
            near = nearest(name, store.context_keys())
            raise UserError(f"[data] context names {name!r}, and no event's context has it{near}")
    data = blind(data.ruled(rules(settings.interactions, data)), settings.data.exclude_attributes)
    left_out = excluded(store, settings)
    if not len(left_out):
        return data
    about = data.item_features
    if about is not None:
        keep = pl.Series(~np.isin(np.arange(data.n_items), left_out))
        about = about.select([about[name].zip_with(keep, about[name].clear(len(about))) for name in about.columns])
    kept = data.where(~np.isin(data.item, left_out))
    return replace(kept, item_features=about)


def blind(data: Dataset, attributes: Sequence[str]) -> Dataset:
    """Return a data set without some attributes of users and items.

    Raises:
        UserError: neither users nor items have such an attribute.
    """
    if not attributes:
        return data
    frames = [frame for frame in (data.user_features, data.item_features) if frame is not None]
    known = {name for frame in frames for name in frame.columns}
    for name in attributes:
        if name not in known:
            raise UserError(f"[data] exclude_attributes names {name!r}, and nothing has it{nearest(name, known)}")

    def less(frame: pl.DataFrame | None) -> pl.DataFrame | None:
        rest = None if frame is None else frame.drop(attributes, strict=False)
        return rest if rest is not None and rest.width else None

    return replace(data, user_features=less(data.user_features), item_features=less(data.item_features))


def excluded(store: Store, settings: Settings) -> I32:
    """Return the items that are never recommended: those that the settings name, and those that are hidden."""
    items = store.items()
    named = [items.find(item_id, "item to leave out ([data] exclude_items)") for item_id in settings.data.exclude_items]
    return np.union1d(np.array(named, np.int32), store.hidden()).astype(np.int32)
