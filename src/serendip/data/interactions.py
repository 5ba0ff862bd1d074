"""From events to interactions: what an event of each type is worth, and how a pair's events become one weight."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I8, I32, I64, Bool, rows_of
from serendip.errors import UserError

DAY = 86_400_000  # milliseconds

EVENT_TYPES: Mapping[str, float] = {
    "interaction": 1.0,  # a file that does not say what happened
    "view": 1.0,
    "click": 1.5,
    "time_spent": 1.0,
    "cart": 3.0,
    "purchase": 5.0,
    "rating": 5.0,
    "review": 5.0,
    "like": 5.0,
    "return": 0.0,  # takes its purchase back
    "dislike": -10.0,
    "hide": -10.0,
}
RATED = ("rating", "review")  # types whose value is a rating


@dataclass(frozen=True)
class InteractionRules:
    """How events become the weight of a (user, item) pair; a model carries the rules it was fitted with.

    weights: what an event of each type is worth; a type without an entry is worth 1.
    threshold: ratings below it are no interactions (in units of the rating scale); None keeps all.
    use_values: an event's weight is multiplied by its value, and a pair's events are summed; else each
        pair weighs what its strongest event does.
    half_life: days after which an event counts half; None: no decay.
    now: milliseconds since 1970 that decay counts from; fitting sets it to the last event.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: dict(EVENT_TYPES))
    threshold: float | None = None
    use_values: bool = False
    half_life: float | None = None
    now: int | None = None

    def __post_init__(self) -> None:
        if self.half_life is not None and not self.half_life > 0:
            raise UserError(f"half_life is a number of days above 0, not {self.half_life}")
        for name, weight in self.weights.items():
            if not np.isfinite(weight):
                raise UserError(f"the weight of event type {name!r} is not a finite number: {weight}")

    def at(self, now: int | None) -> "InteractionRules":
        """Return these rules with decay counted from `now` (ms), where they do not say already."""
        return self if self.half_life is None or self.now is not None else replace(self, now=now)


@dataclass(frozen=True)
class EventColumns:
    """Columns of events in one order: row (who), item, value, timestamp, type code and the names of the codes."""

    row: I64 | I32
    item: I32
    value: F32 | None
    timestamp: I64 | None
    type: I8 | None
    types: tuple[str, ...]


def weigh(events: EventColumns, rules: InteractionRules) -> F32:
    """Return what each event weighs before the events of a pair are put together.  # (N,)"""
    n = len(events.item)
    names = events.types if events.type is not None else ("interaction",)
    code = events.type if events.type is not None else np.zeros(n, np.int8)
    worth = np.array([rules.weights.get(name, 1.0) for name in names], np.float32)
    weight = worth[code] if events.type is not None else np.full(n, worth[0], np.float32)  # (N,)
    if events.value is not None:
        given = ~np.isnan(events.value)
        rated = np.isin(code, [c for c, name in enumerate(names) if name in RATED]) & given
        if events.type is None:
            rated = given
        if rules.threshold is not None:
            weight = np.where(rated & (events.value < rules.threshold), np.float32(0), weight)
        if rules.use_values:
            weight = np.where(given, weight * events.value, weight)
    if rules.half_life is not None and events.timestamp is not None and n:
        now = rules.now if rules.now is not None else int(events.timestamp.max())
        age = np.maximum(now - events.timestamp, 0) / DAY
        weight = weight * np.exp2(-age / rules.half_life).astype(np.float32)
    return weight.astype(np.float32, copy=False)


def interactions(events: EventColumns, rules: InteractionRules, n_rows: int, n_items: int) -> CSR:
    """Return the weight of each (row, item) pair; items at or beyond `n_items` are left out.  # (n_rows, n_items)

    A pair whose events come to zero or less, or whose purchases were all returned, is no interaction.
    """
    weight = weigh(events, rules)
    inside = (events.item < n_items) & (events.item >= 0)
    code = {name: c for c, name in enumerate(events.types)} if events.type is not None else {}
    returned = "return" in code and events.type is not None and bool(np.isin(code["return"], events.type))
    key = events.row.astype(np.int64) * max(n_items, 1) + events.item  # (N,)
    if not inside.all():
        key, weight = key[inside], weight[inside]
    order = np.argsort(key, kind="stable")
    key, weight = key[order], weight[order]
    start = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.empty(0, np.int64)
    pair = key[start]
    if returned and len(pair):
        assert events.type is not None
        kind = events.type[inside][order]
        count = np.ones(len(kind), np.float32) if events.value is None else events.value[inside][order]
        count = np.where(np.isnan(count), np.float32(1), count)
        bought = kind == code.get("purchase", -1)
        back = kind == code["return"]
        left = np.add.reduceat(np.where(bought, count, 0) - np.where(back, count, 0), start)
        gone = np.repeat(left <= 0, np.diff(np.r_[start, len(key)]))
        weight = np.where(gone & (bought | back), np.float32(0), weight)
    if len(pair):
        total = np.add.reduceat(weight, start)
        worth = total if rules.use_values else np.where(total > 0, np.maximum.reduceat(weight, start), 0)
        keep = worth > 0
        pair, worth = pair[keep], worth[keep].astype(np.float32)
    else:
        worth = np.empty(0, np.float32)
    return compressed(pair, worth, n_rows, n_items)


def disliked(events: EventColumns, rules: InteractionRules, n_rows: int, n_items: int) -> CSR:
    """Return 1 for each (row, item) pair with an event that weighs below 0 or a rating below the threshold.

    A pair that is an interaction all the same is none of these.  # (n_rows, n_items)
    """
    bad = weigh(events, replace(rules, use_values=False)) < 0
    if events.value is not None and rules.threshold is not None:
        rated: Bool = np.ones(len(bad), np.bool_)
        if events.type is not None:
            rated = np.isin(events.type, [c for c, name in enumerate(events.types) if name in RATED])
        bad |= rated & (events.value < rules.threshold)
    bad &= (events.item < n_items) & (events.item >= 0)
    liked = interactions(events, rules, n_rows, n_items)
    key = events.row[bad].astype(np.int64) * max(n_items, 1) + events.item[bad]
    taken = rows_of(liked) * max(n_items, 1) + liked.indices
    pair = np.setdiff1d(key, taken)
    return compressed(pair, np.ones(len(pair), np.float32), n_rows, n_items)


def compressed(pair: I64, value: F32, n_rows: int, n_items: int) -> CSR:
    """Return the matrix of ascending pairs, a pair being row * n_items + item; zeros stay stored."""
    row = pair // max(n_items, 1)
    indptr = np.zeros(n_rows + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=n_rows), out=indptr[1:])
    column = (pair - row * max(n_items, 1)).astype(np.int32)
    return csr_matrix((value.astype(np.float32, copy=False), column, indptr), shape=(n_rows, n_items))


def ratings(events: EventColumns, n_rows: int, n_items: int) -> CSR:
    """Return the last rating of each (row, item) pair; events must be in time order.  # (n_rows, n_items)"""
    if events.value is None:
        return compressed(np.empty(0, np.int64), np.empty(0, np.float32), n_rows, n_items)
    keep = ~np.isnan(events.value) & (events.item < n_items) & (events.item >= 0)
    if events.type is not None:
        keep &= np.isin(events.type, [c for c, name in enumerate(events.types) if name in RATED])
    key = events.row[keep].astype(np.int64) * max(n_items, 1) + events.item[keep]
    order = np.argsort(key, kind="stable")
    key, value = key[order], events.value[keep][order]
    last = np.flatnonzero(np.r_[key[1:] != key[:-1], True]) if len(key) else np.empty(0, np.int64)
    return compressed(key[last], value[last], n_rows, n_items)
