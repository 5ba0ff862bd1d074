"""The data report: figures, and a sentence for each finding that asks for action."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from serendip.config import Data, Settings, toml
from serendip.data.dataset import Dataset
from serendip.data.readers import no_product
from serendip.plural import counted
from serendip.service.inspect import figures
from serendip.service.inspect.figures import (
    Activity,
    Cold,
    Duplicates,
    Missing,
    Reason,
    Shape,
    Time,
    Values,
)
from serendip.service.inspect.suspects import Suspects, suspects
from serendip.service.portfolio import NothingToJudge, contest
from serendip.service.settings import blind

WARM = 200  # test users that a global split in time must leave; below, `run` splits each user's own time
NOTHING = Data()  # is left out
STALE = 30  # days
GAPS = 0.2  # of an attribute: from then on it is named
REPEATS = 0.001  # of the events
FAR = 100  # times the 99% quantile
SPARSE = 0.0005  # density from which on few pairs overlap


@dataclass(frozen=True)
class OddItem:
    """An item that looks like no product, such as postage, and what gives it away."""

    item_id: str
    title: str
    events: int
    because: str


@dataclass(frozen=True)
class DataReport:
    """What `serendip inspect` says. Every field is plain data, and `as_json` writes it under these names.

    Moments are ms since 1970 UTC, shares run from 0 to 1, a part that the data cannot tell is null.
    """

    name: str
    made: int
    shape: Shape
    time: Time | None
    values: tuple[Values, ...]
    users: Activity | None
    items: Activity | None
    missing: tuple[Missing, ...]
    duplicates: Duplicates
    cold: Cold
    quarantined: int
    quarantine: tuple[Reason, ...]
    suspects: Suspects
    no_product: tuple[OddItem, ...]
    advice: tuple[str, ...] = ()

    def as_json(self) -> str:
        """Return the report as a JSON object."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False)


def inspect(
    data: Dataset,
    *,
    now: int,
    quarantine: pl.DataFrame | None = None,
    settings: Data = NOTHING,
    name: str = "",
) -> DataReport:
    """Return the report on a data set.

    now: ms since 1970, for the age of the data. quarantine: rows put aside, with columns file, line and reason.
    settings: section [data] of serendip.toml, which says what is left out already. Nothing is sampled.
    """
    pairs = figures.pair_counts(data)
    reasons = figures.reasons(quarantine)
    report = DataReport(
        name=name,
        made=now,
        shape=figures.shape(data, pairs),
        time=figures.time(data, now),
        values=figures.values(data),
        users=figures.activity(data.user, data.n_users),
        items=figures.activity(data.item, data.n_items),
        missing=figures.missing(data),
        duplicates=figures.duplicates(data, pairs),
        cold=figures.cold(data),
        quarantined=sum(r.rows for r in reasons),
        quarantine=reasons,
        suspects=suspects(data),
        no_product=odd_items(data, settings.exclude_items),
    )
    return DataReport(**{**vars(report), "advice": (*advice(report), *of_split(data, settings))})


def of_split(data: Dataset, settings: Data) -> list[str]:
    """Return a sentence for each thing that is suspicious of the split by which models would be judged."""
    try:
        chosen = contest(blind(data, settings.exclude_attributes), Settings())
    except NothingToJudge:
        return []
    # how many items have no past is a figure of the report already
    return [f"Split by {chosen.parts.name}, {leak}." for leak in chosen.leaks if leak.kind != "new items"]


def odd_items(data: Dataset, excluded: Collection[str]) -> tuple[OddItem, ...]:
    """Return the items that look like no product with the number of their events, the most frequent first."""
    table = pl.DataFrame({"item_id": data.items.series})
    if data.item_features is not None and data.item_features.schema.get("title") == pl.String:
        table = table.with_columns(data.item_features["title"])
    found = no_product(table.filter(~pl.col("item_id").is_in(list(excluded))))
    count = np.bincount(data.item, minlength=data.n_items)
    items = [
        OddItem(item, title or "", int(count[at]), reason)
        for at, (item, title, reason) in zip(data.items.index(found["item_id"]), found.iter_rows(), strict=True)
    ]
    return tuple(sorted(items, key=lambda i: (-i.events, i.item_id)))


def exclude_line(items: tuple[OddItem, ...]) -> str:
    """Return the line for section [data] of serendip.toml that leaves items out."""
    return f"exclude_items = {toml([i.item_id for i in items])}"


def day(moment: float) -> str:
    """Return the date of a moment (ms)."""
    return datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%d")


def advice(r: DataReport) -> list[str]:
    """Return what to do about the findings, one sentence each, the gravest first."""
    if not r.shape.events:
        return [*of_quarantine(r), "There are no events: give a file with a user and an item in each row."]
    parts = (of_quarantine(r), of_time(r), of_people(r), of_items(r), of_events(r))
    return [sentence for part in parts for sentence in part]


def of_quarantine(r: DataReport) -> list[str]:
    """Advise on rows that were put aside."""
    if not r.quarantined:
        return []
    top = r.quarantine[0]
    where = f"{Path(top.examples[0].file).name} line {top.examples[0].line:,}" if top.examples else "the file"
    share = r.quarantined / (r.quarantined + r.shape.events)
    return [
        f"{counted(r.quarantined, 'row')} put aside ({share:.1%}), most for this: {top.reason} (first in {where}); "
        "mend them at the source if they matter, and ingest the file again."
    ]


def of_time(r: DataReport) -> list[str]:
    """Advise on times, freshness and the split."""
    said = []
    if r.time is None:
        return [
            "No event has a time, so no split in time can judge the models and nothing can follow trends: "
            "add a timestamp column if there is one."
        ]
    if r.time.age_days > STALE:
        said.append(
            f"The last event is {counted(round(r.time.age_days), 'day')} old ({day(r.time.last)}): ingest newer ones "
            "if there are, or slates follow the taste of that time."
        )
    if r.time.age_days < 0:
        said.append(
            f"The last event lies in the future ({day(r.time.last)}): check the clock and the time zone of the source."
        )
    if r.cold.cutoff is None:
        said.append("All events are at one moment, so a split in time is impossible: check the timestamp column.")
    elif (r.cold.warm_users or 0) < WARM:
        said.append(
            f"A split at {day(r.cold.cutoff)} leaves {counted(r.cold.warm_users or 0, 'test user')} with a past, too "
            f"few to judge by (below {WARM}): `serendip run` chooses by the last fifth of each user's time instead."
        )
    return said


def of_people(r: DataReport) -> list[str]:
    """Advise on users."""
    said = []
    found = sum(r.suspects.found.values())
    if found:
        rules = ", ".join(f"{n} by the rule '{rule}'" for rule, n in r.suspects.found.items() if n)
        said.append(
            f"{counted(found, 'suspicious user')} ({rules}): look at them, and leave out "
            "the events of those who are no customers."
        )
    if r.users is not None and r.users.quantiles["median"] < 2:
        said.append(
            "Half of the users have a single event, from which little can be learned: look for an id that "
            "joins their visits (an account, a device)."
        )
    if r.shape.active_users < 2 or r.shape.active_items < 2:
        said.append("One user or one item is not enough to learn taste from: only popularity can be shown.")
    return said


def of_items(r: DataReport) -> list[str]:
    """Advise on items and their attributes."""
    said = []
    if r.no_product:
        said.append(
            f"{counted(len(r.no_product), 'item looks', 'items look')} like no product: if so, leave out by this "
            f"line in section [data] of serendip.toml: `{exclude_line(r.no_product)}`"
        )
    gaps = [m for m in r.missing if m.table != "events" and m.of and m.missing / m.of > GAPS]
    if gaps:
        named = ", ".join(f"{m.column} of {m.table} ({m.missing / m.of:.0%})" for m in gaps[:5])
        said.append(f"Attributes with many gaps: {named}; fill them at the source, or expect little of them.")
    if not any(m.table == "items" for m in r.missing):
        said.append(
            "Nothing is known of the items but their ids: give a table of items (--items), so that slates have "
            "titles and new items can be recommended."
        )
    elif r.cold.known_items:
        said.append(
            f"{counted(r.cold.known_items, 'item has', 'items have')} no event yet: only models that use attributes "
            "(content, hybrids) can recommend them."
        )
    return said


def of_events(r: DataReport) -> list[str]:
    """Advise on repeated events, values and density."""
    said = []
    if r.duplicates.identical > REPEATS * r.shape.events and r.time is not None:
        said.append(
            f"{counted(r.duplicates.identical, 'event is', 'events are')} identical to another one: if these are "
            "double entries, remove them at the source; if they happened, give them an event_id."
        )
    flat = [v.type for v in r.values if v.kind == "rating" and v.distinct == 1 and v.events > 1]
    if flat:
        said.append(f"All values of {', '.join(flat)} are the same: they say that it happened, not how it was liked.")
    said += [
        f"The largest value of {v.type} events ({v.quantiles['max']:,.0f}) is far above all others (99% are below "
        f"{v.quantiles['99%']:,.0f}): look whether it is a slip of the pen."
        for v in r.values
        if v.kind == "quantity" and v.quantiles["max"] > FAR * max(v.quantiles["99%"], 1)
    ]
    if r.shape.density < SPARSE and r.shape.pairs < 20 * r.shape.active_users:
        said.append(
            f"The data is sparse ({r.shape.density:.4%} of all pairs): expect popularity and item attributes to "
            "count for much, and compare with them."
        )
    return said
