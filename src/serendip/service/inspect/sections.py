"""The report as sections of labelled facts and tables: what both the text and the page show."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from serendip.plural import counted
from serendip.service.inspect.figures import LEVEL_NAMES, Activity
from serendip.service.inspect.report import DataReport, day, exclude_line


@dataclass(frozen=True)
class Section:
    """A title, facts as (label, value), and a table; numbers are text already, in columns but the first ones."""

    key: str
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    words: int = 1  # how many of the columns hold words; the others hold figures
    note: str = ""


def sections(r: DataReport) -> list[Section]:
    """Return the sections in the order of reading; those with nothing to say are left out."""
    found = (
        of_shape(r),
        of_time(r),
        of_values(r),
        of_activity(r),
        of_missing(r),
        of_duplicates(r),
        of_cold(r),
        of_quarantine(r),
        of_suspects(r),
        of_odd_items(r),
    )
    return [s for s in found if s.facts or s.rows or s.note]


def share(part: float, whole: float) -> str:
    """Return a count and its share of the whole."""
    return f"{part:,.0f} ({part / whole:.1%})" if whole else f"{part:,.0f}"


def number(value: float) -> str:
    """Return a figure with as many digits as it needs."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:,.3g}"


def levels(q: Mapping[str, float]) -> tuple[str, ...]:
    """Return quantiles as text, in the order of their names."""
    return tuple(number(q[name]) for name in LEVEL_NAMES)


def of_shape(r: DataReport) -> Section:
    """Say how much there is."""
    s = r.shape
    facts = [
        ("events", f"{s.events:,}"),
        ("users", f"{s.users:,}" + (f", {s.active_users:,} with events" if s.active_users < s.users else "")),
        ("items", f"{s.items:,}" + (f", {s.active_items:,} with events" if s.active_items < s.items else "")),
        ("pairs of user and item", f"{s.pairs:,}"),
        ("density", f"{s.density:.3%} of all pairs of active users and items"),
    ]
    facts += [(f"events of type {kind}", share(n, s.events)) for kind, n in s.events_by_type.items()]
    return Section("shape", "Shape", tuple(facts))


def of_time(r: DataReport) -> Section:
    """Say when it happened, and how fresh it is."""
    if r.time is None:
        return Section("time", "Time and freshness", note="No event has a time.")
    t = r.time
    return Section(
        "time",
        "Time and freshness",
        (
            ("first event", day(t.first)),
            ("last event", f"{day(t.last)}, {counted(round(t.age_days), 'day')} before this report"),
            ("span", f"{counted(round(t.days), 'day')}; times are whole {t.resolution}s"),
            ("events in the last 30 days of the data", f"{t.last_30_days:.1%}"),
            ("events in the last 30 days until today", f"{t.until_today:.1%}"),
        ),
    )


def of_values(r: DataReport) -> Section:
    """Say how values are distributed."""
    rows = tuple((v.type, v.kind, number(v.mean), *levels(v.quantiles), share(v.missing, v.events)) for v in r.values)
    columns = ("events of type", "kind", "mean", *LEVEL_NAMES, "without a value")
    note = "" if rows else "Events have no values."
    return Section("values", "Values", columns=columns, rows=rows, words=2, note=note)


def of_activity(r: DataReport) -> Section:
    """Say how events spread over users and over items."""
    both = [("a user", r.users), ("an item", r.items)]
    rows = tuple((f"events of {who}", number(a.mean), *levels(a.quantiles), *spread(a)) for who, a in both if a)
    columns = ("", "mean", *LEVEL_NAMES, "fewer than 5", "top 1% have", "top 10% have", "Gini")
    note = "Of those with events. Gini: 0 all alike, 1 all events on one." if rows else ""
    return Section("activity", "Activity", columns=columns, rows=rows, note=note)


def spread(a: Activity) -> tuple[str, ...]:
    """Return how unequal the activity is, as text."""
    return f"{a.few:,}", f"{a.top_1_percent:.1%}", f"{a.top_10_percent:.1%}", f"{a.gini:.2f}"


def of_missing(r: DataReport) -> Section:
    """Say what is missing."""
    gaps = sorted((m for m in r.missing if m.missing), key=lambda m: -m.missing / m.of)
    whole = [f"{m.column} ({m.table})" for m in r.missing if not m.missing and m.of]
    rows = tuple((m.table, m.column, f"{m.missing:,}", f"{m.missing / m.of:.1%}") for m in gaps)
    note = f"Complete: {', '.join(whole)}." if whole else ""
    return Section(
        "missing", "Missing values", columns=("table", "column", "missing", "share"), rows=rows, words=2, note=note
    )


def of_duplicates(r: DataReport) -> Section:
    """Say what repeats."""
    d = r.duplicates
    return Section(
        "duplicates",
        "Duplicates",
        (
            ("events identical to an earlier one", share(d.identical, r.shape.events)),
            ("pairs of user and item with more than one event", share(d.repeated_pairs, r.shape.pairs)),
            ("events beyond the first of a pair", share(d.repeated_events, r.shape.events)),
        ),
    )


def of_cold(r: DataReport) -> Section:
    """Say who and what a model cannot have learned."""
    c = r.cold
    facts = [
        ("users known by attributes only", share(c.known_users, r.shape.users)),
        ("items known by attributes only", share(c.known_items, r.shape.items)),
    ]
    facts += [
        (f"{what}s with 1 to 4 events", share(a.few, active))
        for what, a, active in (("user", r.users, r.shape.active_users), ("item", r.items, r.shape.active_items))
        if a
    ]
    note = ""
    if c.cutoff is not None and c.test_users and c.test_items and c.test_events:
        facts += [
            ("test events (the last fifth in time)", f"{c.test_events:,} from {day(c.cutoff)} on"),
            ("test users that are cold", share(c.test_users - (c.warm_users or 0), c.test_users)),
            ("test users that are warm", f"{c.warm_users:,}"),
            ("test items that are cold", share(c.test_items - (c.warm_items or 0), c.test_items)),
            ("test events with a cold user or item", share(c.cold_events or 0, c.test_events)),
        ]
        note = "Cold in the test part: without any event before it."
    return Section("cold", "Cold users and items", tuple(facts), note=note)


def of_quarantine(r: DataReport) -> Section:
    """Say which rows were put aside."""
    rows = tuple(
        (q.reason, "; ".join(f"{Path(p.file).name} line {p.line:,}" for p in q.examples), f"{q.rows:,}")
        for q in r.quarantine
    )
    note = "" if rows else "No row was put aside."
    return Section(
        "quarantine", "Rows put aside", columns=("reason", "first of them", "rows"), rows=rows, words=2, note=note
    )


def of_suspects(r: DataReport) -> Section:
    """Say which users behave like no person."""
    s = r.suspects
    rows = tuple((u.user_id, u.rule, u.because, f"{u.events:,}") for u in s.named)
    facts = tuple((f"rule '{rule}'", f"{counted(s.found[rule], 'user')}: {about}") for rule, about in s.rules.items())
    note = f"Not judged: {'; '.join(s.unjudged)}." if s.unjudged else ""
    columns = ("user", "rule", "what was seen", "events")
    return Section("suspects", "Suspicious users", facts, columns, rows, words=3, note=note)


def of_odd_items(r: DataReport) -> Section:
    """Say which items look like no product."""
    rows = tuple((i.item_id, i.title, i.because, f"{i.events:,}") for i in r.no_product)
    note = f"The line for section [data] of serendip.toml: {exclude_line(r.no_product)}" if rows else ""
    columns = ("item", "title", "why", "events")
    return Section("no_product", "Items that look like no product", (), columns, rows, words=3, note=note)
