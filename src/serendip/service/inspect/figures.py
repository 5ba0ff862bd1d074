"""What the data is like: every figure is an aggregate of the columns, never a loop over rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from serendip.arrays import F64, I32, I64, Bool
from serendip.data.dataset import Dataset
from serendip.data.interactions import DAY, RATED
from serendip.data.split import by_time
from serendip.errors import UserError
from serendip.metrics.exposure import gini

FEW = 5  # events; whoever has fewer is hard to learn anything of
LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
LEVEL_NAMES = ("min", "5%", "25%", "median", "75%", "95%", "99%", "max")
POINTS = 150  # of a curve: enough for a plot
MOST_STEPS = 24  # distinct ratings up to which each has a bar of its own
EXAMPLES = 3  # of each reason in the quarantine


@dataclass(frozen=True)
class Shape:
    """How much there is. Active: with at least one event. pairs: distinct (user, item); density: pairs over all
    pairs of active users and active items."""

    events: int
    users: int
    items: int
    active_users: int
    active_items: int
    pairs: int
    density: float
    events_by_type: dict[str, int]


@dataclass(frozen=True)
class Count:
    """Events in one stretch of time, or at one value: where it begins (ms since 1970, or the value), how many."""

    at: float
    events: int


@dataclass(frozen=True)
class Time:
    """When it happened; moments are in ms since 1970 UTC. last_30_days is a share of the events: those within 30 days
    before the last event; until_today: those within 30 days before the report. resolution: what every timestamp is
    a whole number of."""

    first: int
    last: int
    days: float
    age_days: float
    last_30_days: float
    until_today: float
    resolution: str
    step: str
    steps: tuple[Count, ...]


@dataclass(frozen=True)
class Values:
    """The values of events of one type. kind: rating or quantity; histogram has a bar for each distinct value where
    these are few, else for bins of equal width between the 1% and the 99% quantile (width > 0)."""

    type: str
    kind: str
    events: int
    missing: int
    mean: float
    quantiles: dict[str, float]
    distinct: int
    width: float
    histogram: tuple[Count, ...]


@dataclass(frozen=True)
class Point:
    """One point of a long tail: the rank (1: the most active) and its number of events."""

    rank: int
    events: int


@dataclass(frozen=True)
class Activity:
    """Events a user, or an item, over those that have any. top: the share of all events that the most active have.
    gini: 0 all alike, 1 all on one. few: how many have fewer than 5 events."""

    mean: float
    quantiles: dict[str, float]
    top_1_percent: float
    top_10_percent: float
    gini: float
    few: int
    tail: tuple[Point, ...]


@dataclass(frozen=True)
class Missing:
    """Missing values of one column: table is events, items or users; of: rows of that table."""

    table: str
    column: str
    missing: int
    of: int


@dataclass(frozen=True)
class Duplicates:
    """identical: events beyond the first that agree in every column; repeated_pairs: (user, item) pairs with more
    than one event, and the events beyond the first of each."""

    identical: int
    repeated_pairs: int
    repeated_events: int


@dataclass(frozen=True)
class Cold:
    """Who and what a model cannot have learned. known_*: in the attribute tables only. The rest is under the default
    split, the last fifth of the events in time; None without one."""

    known_users: int
    known_items: int
    cutoff: int | None = None
    test_events: int | None = None
    test_users: int | None = None
    warm_users: int | None = None
    test_items: int | None = None
    warm_items: int | None = None
    cold_events: int | None = None  # test events whose user or item is cold


@dataclass(frozen=True)
class Place:
    """Where a row stands."""

    file: str
    line: int


@dataclass(frozen=True)
class Reason:
    """Why rows were put aside, how many, and where the first of them are."""

    reason: str
    rows: int
    examples: tuple[Place, ...]


def pair_counts(data: Dataset) -> I64:
    """Return how many events each distinct (user, item) pair has.  # (n_pairs,)"""
    pairs = np.sort(data.user.astype(np.int64) * max(data.n_items, 1) + data.item)
    start = np.flatnonzero(np.r_[True, pairs[1:] != pairs[:-1]]) if len(pairs) else np.empty(0, np.int64)
    counts: I64 = np.diff(np.r_[start, len(pairs)])
    return counts


def shape(data: Dataset, pairs: I64) -> Shape:
    """Return how much there is; `pairs` has the number of events of each distinct pair."""
    users, items = seen(data.user, data.n_users).sum(), seen(data.item, data.n_items).sum()
    if data.type is None:
        by_type = {"interaction": len(data)}
    else:
        count = np.bincount(data.type, minlength=len(data.types))
        by_type = {data.types[c]: int(count[c]) for c in np.argsort(-count, kind="stable") if count[c]}
    density = len(pairs) / (int(users) * int(items)) if len(pairs) else 0.0
    return Shape(len(data), data.n_users, data.n_items, int(users), int(items), len(pairs), density, by_type)


def seen(index: I32, n: int) -> Bool:
    """Return which of n users or items are among some indices.  # (n,)"""
    return np.bincount(index, minlength=n) > 0


def dated(data: Dataset) -> Bool:
    """Return which events have a time; a data set holds 0 where an event has none.  # (N,)"""
    return np.zeros(len(data), np.bool_) if data.timestamp is None else data.timestamp != 0


def time(data: Dataset, now: int) -> Time | None:
    """Return when it happened; None where no event has a time."""
    known = dated(data)
    if data.timestamp is None or not known.any():
        return None
    at = data.timestamp[known]
    first, last = int(at.min()), int(at.max())
    days = (last - first) / DAY
    step, every = next(
        ((n, e) for n, e, most in (("day", "1d", 120), ("week", "1w", 900)) if days <= most), ("month", "1mo")
    )
    moment = pl.from_epoch(pl.Series("at", at), time_unit="ms")
    begun = moment.dt.truncate(every).alias("at").to_frame().group_by("at").len("events")
    filled = begun.sort("at").upsample("at", every=every).with_columns(pl.col("events").fill_null(0))
    steps = tuple(Count(t, n) for t, n in filled.select(pl.col("at").dt.epoch("ms"), "events").iter_rows())
    near = float((at >= last - 30 * DAY).mean())
    fresh = float((at >= now - 30 * DAY).mean())
    return Time(first, last, days, (now - last) / DAY, near, fresh, resolution(at), step, steps)


def resolution(at: I64) -> str:
    """Return the coarsest unit that all timestamps are whole numbers of."""
    for name, unit in (("day", DAY), ("hour", 3_600_000), ("minute", 60_000), ("second", 1000)):
        if not (at % unit).any():
            return name
    return "millisecond"


def quantiles(values: NDArray[Any]) -> dict[str, float]:
    """Return the quantiles that the report shows, by name."""
    return dict(zip(LEVEL_NAMES, np.quantile(values, LEVELS).astype(float).tolist(), strict=True))


def values(data: Dataset) -> tuple[Values, ...]:
    """Return the distribution of values for each type of event that has any."""
    if data.value is None:
        return ()
    out = []
    types = data.types if data.type is not None else ("interaction",)
    for code, name in enumerate(types):
        column = data.value if data.type is None else data.value[data.type == code]
        given = column[~np.isnan(column)]
        if not len(given):
            continue
        level, count = np.unique(given, return_counts=True)
        rated = name in RATED or (data.type is None and len(level) <= MOST_STEPS)
        width = 0.0
        if len(level) <= MOST_STEPS:
            bars = tuple(Count(float(v), int(n)) for v, n in zip(level, count, strict=True))
        else:
            low, high = np.quantile(given, [0.01, 0.99])
            width = nice((high - low) / 30) if high > low else 1.0
            if not (level % 1).any():
                width = max(1.0, np.ceil(width))
            bin_ = np.floor(given[(given >= low) & (given <= high)] / width)
            at, n = np.unique(bin_, return_counts=True)
            bars = tuple(Count(float(b * width), int(c)) for b, c in zip(at, n, strict=True))
        out.append(
            Values(
                name,
                "rating" if rated else "quantity",
                len(column),
                len(column) - len(given),
                float(given.mean(dtype=np.float64)),
                quantiles(given),
                len(level),
                float(width),
                bars,
            )
        )
    return tuple(out)


def nice(width: float) -> float:
    """Return 1, 2 or 5 times a power of ten that is not below `width`."""
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= width * (1 - 1e-9)))


def activity(index: I32, n: int) -> Activity | None:
    """Return how events spread over those that have any; index (N,) below n. None without events."""
    count = np.sort(np.bincount(index, minlength=n))[::-1]
    count = count[: np.count_nonzero(count)].astype(np.int64)
    if not len(count):
        return None
    rank = np.unique(np.geomspace(1, len(count), POINTS).round().astype(np.int64))
    tail = tuple(Point(int(r), int(count[r - 1])) for r in rank)

    def top(share: float) -> float:
        return float(count[: max(1, round(len(count) * share))].sum() / count.sum())

    return Activity(
        float(count.mean()), quantiles(count), top(0.01), top(0.1), gini(count), int((count < FEW).sum()), tail
    )


def missing(data: Dataset) -> tuple[Missing, ...]:
    """Return the missing values of each column of the events and of each attribute of items and users."""
    n = len(data)
    out = [
        Missing("events", "timestamp", int(n - dated(data).sum()), n),
        Missing("events", "value", n if data.value is None else int(np.isnan(data.value).sum()), n),
    ]
    if data.label is not None:
        out.append(Missing("events", "label", int(np.isnan(data.label).sum()), n))
    out += [Missing("events", f"context {name}", s.null_count(), n) for name, s in data.context.items()]
    for table, frame in (("items", data.item_features), ("users", data.user_features)):
        for name in frame.columns if frame is not None else ():
            assert frame is not None
            out.append(Missing(table, name, blank(frame[name]), len(frame)))
    return tuple(out)


def blank(column: pl.Series) -> int:
    """Return how many values are missing: null, NaN, or a text or a list of nothing."""
    if column.dtype.is_float():
        return int((column.is_null() | column.is_nan()).sum())
    if column.dtype == pl.String:
        return int((column.fill_null("").str.strip_chars() == "").sum())
    if isinstance(column.dtype, pl.List):
        return int((column.list.len().fill_null(0) == 0).sum())
    return column.null_count()


def duplicates(data: Dataset, pairs: I64) -> Duplicates:
    """Return how often events repeat; `pairs` has the number of events of each distinct pair."""
    repeated = pairs[pairs > 1]
    look = np.ones(len(data), np.bool_)
    columns: dict[str, NDArray[Any]] = {"user": data.user, "item": data.item}
    for name, column in (
        ("value", data.value),
        ("timestamp", data.timestamp),
        ("type", data.type),
        ("label", data.label),
    ):
        if column is not None:
            columns[name] = column
    if data.timestamp is not None and len(data):  # rows are in order of user and time: equal ones stand close together
        same = (data.user[1:] == data.user[:-1]) & (data.timestamp[1:] == data.timestamp[:-1])
        look = np.r_[False, same] | np.r_[same, False]
    frame = pl.DataFrame({name: column[look] for name, column in columns.items()})
    frame = frame.with_columns(s.filter(pl.Series(look)).alias(f"context.{n}") for n, s in data.context.items())
    identical = len(frame) - frame.n_unique() if len(repeated) and len(frame) else 0
    return Duplicates(identical, len(repeated), int(repeated.sum()) - len(repeated))


def cold(data: Dataset) -> Cold:
    """Return who and what is cold, in the tables and under the default split."""
    known_users = data.n_users - int(seen(data.user, data.n_users).sum())
    known_items = data.n_items - int(seen(data.item, data.n_items).sum())
    known = dated(data)
    try:
        split = by_time(data if known.all() else data.where(known))
    except UserError:
        return Cold(known_users, known_items)
    train, test = split.train, split.test
    old_user, old_item = seen(train.user, data.n_users), seen(train.item, data.n_items)
    asked_user, asked_item = seen(test.user, data.n_users), seen(test.item, data.n_items)
    return Cold(
        known_users,
        known_items,
        cutoff=split.cutoff,
        test_events=len(test),
        test_users=int(asked_user.sum()),
        warm_users=int((asked_user & old_user).sum()),
        test_items=int(asked_item.sum()),
        warm_items=int((asked_item & old_item).sum()),
        cold_events=int((~old_user[test.user] | ~old_item[test.item]).sum()),
    )


def reasons(quarantine: pl.DataFrame | None) -> tuple[Reason, ...]:
    """Return why rows were put aside, the most frequent reason first; quarantine: file, line, reason."""
    if quarantine is None or quarantine.is_empty():
        return ()
    grouped = (
        quarantine.sort("file", "line")
        .group_by("reason", maintain_order=True)
        .agg(pl.len().alias("rows"), pl.col("file").head(EXAMPLES), pl.col("line").head(EXAMPLES))
        .sort("rows", descending=True, maintain_order=True)
    )
    return tuple(
        Reason(reason, rows, tuple(Place(f, n) for f, n in zip(file, line, strict=True)))
        for reason, rows, file, line in grouped.iter_rows()
    )


def steady(values: F64) -> tuple[float, float]:
    """Return the median and the scaled median absolute deviation, which outliers do not move."""
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))
