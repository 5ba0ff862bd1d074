"""Business rules: what may be shown, what is raised or lowered, how many of a kind, what stands where, and when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import numpy as np
import polars as pl

from serendip.arrays import F32, I32, Bool, ItemLists
from serendip.errors import UserError, nearest
from serendip.pipeline.about import classed
from serendip.pipeline.expression import parse
from serendip.pipeline.mask import kinds, mask

KINDS: Mapping[str, tuple[tuple[str, ...], str]] = {  # kind -> which fields it takes, what it does
    "exclude": (("when",), "Items that fulfil `when` are not shown."),
    "filter": (("when",), "Only items that fulfil `when` are shown."),
    "include": (("when",), "Items that fulfil `when` are let in whatever `exclude` and `filter` say."),
    "boost": (("when", "factor"), "The score of items that fulfil `when` is multiplied by `factor`, above 1."),
    "bury": (("when", "factor"), "The score of items that fulfil `when` is multiplied by `factor`, from 0 to 1."),
    "cap": (("by", "most"), "At most `most` items of each value of the attribute `by` stand in a slate."),
    "pin": (("item", "position"), "The item stands at this position, counted from 1."),
}
ALWAYS = ("pipelines", "starts", "ends", "note")
SIDE_BY_SIDE = 1_000  # ms that requests at the same time may differ; a clock that goes back further was set
FROM, UNTIL = "available_from", "available_until"  # attributes of items: a date each
NEVER = 2**62  # ms: a moment that does not come


@dataclass(frozen=True)
class Rule:
    """One rule. pipelines: where it holds, all where none is named; starts, ends: ms since 1970, when it holds.

    Raises:
        UserError: a field is missing, is not one of its kind, or cannot be.
    """

    name: str
    kind: str
    when: str = ""
    factor: float = 1.0
    by: str = ""
    most: int = 0
    item: str = ""
    position: int = 0
    pipelines: tuple[str, ...] = ()
    starts: int | None = None
    ends: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > 100:
            raise UserError("a rule has a name of 1 to 100 characters")
        if self.kind not in KINDS:
            raise UserError(f"rule {self.name!r}: there is no kind {self.kind!r}{nearest(self.kind, KINDS)}")
        takes = KINDS[self.kind][0]
        for one in fields(self):
            given = getattr(self, one.name) != one.default
            if one.name in takes and not given:
                raise UserError(f"rule {self.name!r}: {self.kind} needs {one.name}")
            if given and one.name not in ("name", "kind", *takes, *ALWAYS):
                raise UserError(f"rule {self.name!r}: {self.kind} takes {' and '.join(takes)}, not {one.name}")
        low, high = (1.0, 1000.0) if self.kind == "boost" else (0.0, 1.0)
        if "factor" in takes and not (isfinite(self.factor) and low <= self.factor <= high):
            raise UserError(f"rule {self.name!r}: factor of {self.kind} lies from {low:g} to {high:g}, "
                            f"and {self.factor:g} does not")  # fmt: skip
        for name in {"most", "position"} & set(takes):
            if not 1 <= getattr(self, name) <= 1000:
                raise UserError(f"rule {self.name!r}: {name} is from 1 to 1000, not {getattr(self, name)}")
        if self.starts is not None and self.ends is not None and self.starts >= self.ends:
            raise UserError(f"rule {self.name!r} ends before it starts")
        if self.when:
            try:
                parse(self.when)
            except UserError as error:
                raise UserError(f"rule {self.name!r}: {error}") from None

    @staticmethod
    def of(name: str, table: Mapping[str, Any]) -> "Rule":
        """Return the rule that plain data says; starts and ends may be written as dates.

        Raises:
            UserError: a field is not known or of another type, or as the rule itself.
        """
        known = {one.name: one for one in fields(Rule)}
        given: dict[str, Any] = {}
        for field_, value in table.items():
            if field_ not in known or field_ == "name":
                raise UserError(f"rule {name!r}: there is no field {field_!r}{nearest(field_, set(known) - {'name'})}")
            given[field_] = fitting(value, field_, f"rule {name!r}: {field_}")
            if field_ in ("most", "position") and given[field_] == 0:
                raise UserError(f"rule {name!r}: {field_} is from 1 to 1000, not 0")
            if field_ == "factor" and given[field_] == 1:
                raise UserError(f"rule {name!r}: a factor of 1 changes nothing: it is above 1 to boost, below to bury")
        if "kind" not in given:
            raise UserError(f"rule {name!r} needs a kind{nearest('', KINDS)}")
        return Rule(name, **given)

    def plain(self) -> dict[str, object]:
        """Return what differs from the defaults, the name aside: `Rule.of` of it is this rule."""
        said = {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}
        said.pop("name")
        return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}

    def holds(self, now: int, pipeline: str) -> bool:
        """Return whether it holds at a moment (ms) in a pipeline."""
        after = self.starts is None or now >= self.starts
        return after and (self.ends is None or now < self.ends) and (not self.pipelines or pipeline in self.pipelines)


def fitting(value: Any, name: str, where: str) -> Any:
    """Return a value as a field of a rule holds it.

    Raises:
        UserError: it is of another type.
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if name == "factor" and number:
        return float(value)
    if name in ("most", "position") and number and int(value) == value:
        return int(value)
    if name in ("starts", "ends"):
        return None if value is None else int(value) if number else moment(value, where)
    if name == "pipelines" and isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if name == "item" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if name in ("kind", "when", "by", "item", "note") and isinstance(value, str):
        return value
    raise UserError(f"{where} cannot be {value!r}")


def moment(text: object, where: str) -> int:
    """Return the ms since 1970 of a date as text; without a zone it is UTC.

    Raises:
        UserError: it is no date.
    """
    try:
        found = datetime.fromisoformat(str(text))
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise UserError(f"{where} is a date such as 2026-01-31T18:00, not {text!r}") from None


@dataclass(frozen=True)
class Cap:
    """At most `most` items of each class; classes: the classes of each item, by index."""

    name: str
    most: int
    classes: ItemLists

    def of(self, item: int) -> list[int]:
        """Return the classes of an item."""
        if item >= len(self.classes):
            return []
        found: list[int] = self.classes[item].tolist()
        return found


@dataclass(frozen=True)
class Pin:
    """An item at a position, counted from 0."""

    name: str
    item: int
    position: int


@dataclass(frozen=True)
class Ruled:
    """Rules at work on n items at one moment.

    dropped: by rule, the items that it leaves out; shut (n_items,): what is left out in all, None: nothing; absent:
    what is not available now; factor (n_items,): what scores are multiplied by, None: nothing; raised: items with a
    factor above 1; since, until: ms, between which it is true; faults: sentences on rules that cannot be at work.
    """

    dropped: tuple[tuple[str, I32], ...] = ()
    shut: Bool | None = None
    absent: Bool | None = None
    factor: F32 | None = None
    raised: I32 = field(default_factory=lambda: np.empty(0, np.int32))
    caps: tuple[Cap, ...] = ()
    pins: tuple[Pin, ...] = ()
    until: int = NEVER
    faults: tuple[str, ...] = ()
    since: int = 0

    def timely(self, now: int) -> bool:
        """Return whether it is true at a moment (ms)."""
        return self.since <= now < self.until


def ruled(
    rules: Sequence[Rule], about: pl.DataFrame | None, n_items: int, index: Callable[[str], int], now: int,
    pipeline: str,
) -> Ruled:  # fmt: skip
    """Return the rules of a pipeline at work at a moment (ms).

    about: the items' attributes, one row an index; index: of an item id, -1 where there is none. A rule that speaks of
    what is not there is passed over and named in `faults`.
    """
    absent, until = unavailable(about, n_items, now)
    dropped = [("not available", items_of(absent))] if absent.any() else []
    shut, included = np.zeros(n_items, np.bool_), np.zeros(n_items, np.bool_)
    factor = np.ones(n_items, np.float32)
    caps, pins, faults = [], [], []
    for rule in rules:
        until = min([until, *(at for at in (rule.starts, rule.ends) if at is not None and at > now)])
        if not rule.holds(now, pipeline):
            continue
        try:
            if rule.kind == "cap":
                caps.append(Cap(rule.name, rule.most, classed(about, rule.by, n_items).lists))
            elif rule.kind == "pin":
                pins.append(pin(rule, index))
            else:
                found = mask(parse(rule.when), about, n_items)
                match rule.kind:
                    case "include":
                        included |= found
                    case "boost" | "bury":
                        factor[found] *= np.float32(rule.factor)
                    case _:
                        left_out = found if rule.kind == "exclude" else ~found
                        shut |= left_out
                        dropped.append((rule.name, items_of(left_out)))
        except UserError as error:
            faults.append(f"rule {rule.name!r} is not at work: {error}")
    shut = (shut & ~included) | absent
    if included.any():
        dropped = [(name, kept_in(items, shut)) for name, items in dropped]
    return Ruled(
        tuple((name, items) for name, items in dropped if len(items)),
        shut if shut.any() else None,
        absent if absent.any() else None,
        factor if (factor != 1).any() else None,
        items_of(factor > 1),
        tuple(caps),
        tuple(pins),
        until,
        tuple(faults),
        now - SIDE_BY_SIDE,
    )


def items_of(found: Bool) -> I32:
    """Return the items of a mask."""
    return np.flatnonzero(found).astype(np.int32)


def kept_in(items: I32, shut: Bool) -> I32:
    """Return those of some items that a mask holds."""
    kept: I32 = items[shut[items]]
    return kept


def pin(rule: Rule, index: Callable[[str], int]) -> Pin:
    """Return where an item is pinned."""
    item = index(rule.item)
    if item < 0:
        raise UserError(f"there is no item {rule.item!r}")
    return Pin(rule.name, item, rule.position - 1)


def unavailable(about: pl.DataFrame | None, n_items: int, now: int) -> tuple[Bool, int]:
    """Return which items are not available at a moment, and when that changes next.  # (n_items,), ms

    An item without `available_from` always has been, one without `available_until` always will be.
    """
    absent, until = np.zeros(n_items, np.bool_), NEVER
    if about is None:
        return absent, until
    known = kinds(about)
    for name, early in ((FROM, True), (UNTIL, False)):
        if known.get(name) == "date":
            at = about[name].cast(pl.Datetime("ms")).cast(pl.Int64).head(n_items)
        elif known.get(name) == "text":
            at = about[name].str.to_datetime(time_unit="ms", strict=False).cast(pl.Int64).head(n_items)
        else:
            continue
        stamp = at.fill_null(-NEVER if early else NEVER).to_numpy()
        absent[: len(stamp)] |= stamp > now if early else stamp <= now
        until = min(until, int(stamp[stamp > now].min(initial=NEVER)))
    return absent, until
