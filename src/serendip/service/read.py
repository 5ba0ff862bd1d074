"""From a file, a data frame or a name to the data set that algorithms learn from: what Python users begin with."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from serendip.config import Interactions
from serendip.data import catalogue
from serendip.data.dataset import Dataset
from serendip.data.readers import QUARANTINE_SCHEMA, Columns, Plan, Query, Reading, recognise
from serendip.data.readers import read as read_batches
from serendip.data.split import Split
from serendip.data.stored import events
from serendip.data.tables import EVENT_SCHEMA, Tables
from serendip.errors import UserError, nearest
from serendip.plural import counted
from serendip.service.settings import rules
from serendip.store.events import LOOKED_AT, held, keys


@dataclass(frozen=True)
class Gathered(Tables):
    """The tables of some sources, what each column was taken for, and the rows that could not be used.

    quarantine: file, line, reason, row. notes: sentences on a source as a whole.
    """

    quarantine: pl.DataFrame = field(default_factory=QUARANTINE_SCHEMA.to_frame)
    plans: tuple[Plan, ...] = ()
    notes: tuple[str, ...] = ()


def read(
    source: Any,
    *,
    items: Any = None,
    users: Any = None,
    columns: Columns | Mapping[str, str] | None = None,
    reading: Reading | None = None,
    interactions: Interactions | None = None,
    context: Sequence[str] = (),
) -> Dataset:
    """Return the data set of a path, a data frame or a `Query`; rows that cannot be used are left out with a warning.

    items, users: further sources, of attributes. columns: which column is what, where names mislead, as
    {"user": "who"}. interactions: what events are worth, as [interactions] of serendip.toml. context: what models may
    use of what an event says beside that, as ["device"], like [data] context.

    Raises:
        UserError: a source cannot be read, a column cannot be told, or no event has such a context.
    """
    found = tables(source, items=items, users=users, columns=columns, reading=reading)
    if len(found.quarantine):
        why = found.quarantine["reason"].value_counts(sort=True).iter_rows()
        told = ", ".join(f"{n:,} {reason}" for reason, n in why)
        out = counted(len(found.quarantine), "row is", "rows are")
        warnings.warn(f"{out} left out: {told}; serendip.tables(...).quarantine has more", stacklevel=2)
    return dataset(found, interactions, context)


def load(
    name: str, *, interactions: Interactions | None = None, offline: bool = False, context: Sequence[str] = ()
) -> Dataset:
    """Return a public data set by its name, as "ml-100k"; context as for `read`.

    Raises:
        UserError: the name is unknown, the set can be had nowhere, or no event has such a context.
    """
    return dataset(catalogue.load(name, offline=offline), interactions, context)


def load_split(name: str, *, interactions: Interactions | None = None, offline: bool = False) -> Split:
    """Return a public set in the split that its authors published, as "ml-100k/u1", for `evaluate`.

    What is judged follows the rules of `evaluate`; a protocol that says otherwise, as to rank what was seen before too,
    is the command's: `serendip evaluate --keep-seen`.

    Raises:
        UserError: the name is unknown or has no published split, the set can be had nowhere, or its protocol ranks a
            list of its own for each user.
    """
    found = catalogue.load_split(name, offline=offline)
    if found.candidates is not None:
        raise UserError(f"{name} ranks a list of its own for each user: write it to files for `serendip evaluate "
                        "--candidates`, from serendip.data.catalogue.load_split")  # fmt: skip
    past = None if found.history is None else Tables(events(found.history, found.train.events["type"][0]))
    given = [one for one in (found.train, past, found.test) if one is not None]
    whole = Dataset.of(replace(found.train, events=pl.concat([one.events for one in given], how="diagonal_relaxed")))
    parts = [Dataset.of(one, users=whole.users, items=whole.items) for one in given]
    weights = rules(interactions or Interactions(), parts[0])
    train, *between, test = (part.ruled(weights) for part in parts)
    return Split(train, test, between[0] if between else train, name)


def dataset(given: Tables, interactions: Interactions | None = None, context: Sequence[str] = ()) -> Dataset:
    """Return the data set of tables under the same rules as a project's: weights by type, half of the rating scale.

    Raises:
        UserError: no event has such a context.
    """
    events = given.events.with_columns(of_context(given.events["context"], key) for key in context)
    data = Dataset.of(replace(given, events=events))
    return data.ruled(rules(interactions or Interactions(), data))


def of_context(texts: pl.Series, key: str) -> pl.Series:
    """Return what contexts hold under a key, null where nothing."""
    found = pl.Series(f"context.{key}", [held(text, key) for text in texts], strict=False)
    if len(found) and found.null_count() == len(found):
        raise UserError(f"no event has {key!r} in its context{nearest(key, keys(texts.drop_nulls().head(LOOKED_AT)))}")
    return found


def tables(
    source: Any,
    *,
    items: Any = None,
    users: Any = None,
    columns: Columns | Mapping[str, str] | None = None,
    reading: Reading | None = None,
) -> Gathered:
    """Return the events, items and users of sources, with the quarantine.

    Raises:
        UserError: a source cannot be read, or a column cannot be told.
    """
    plans = [recognise(source, said(columns), reading)]
    plans += [recognise(more, None, Reading(table="items")) for more in [items] if more is not None]
    plans += [recognise(more, None, Reading(table="users")) for more in [users] if more is not None]
    batches = [batch for plan in plans for batch in read_batches(plan)]
    return Gathered(
        pl.concat([EVENT_SCHEMA.to_frame(), *(b.events for b in batches)]),
        merged([b.items for b in batches], "item_id"),
        merged([b.users for b in batches], "user_id"),
        quarantine=pl.concat([QUARANTINE_SCHEMA.to_frame(), *(b.quarantine for b in batches)]),
        plans=tuple(plans),
        notes=tuple(note for b in batches for note in b.notes),
    )


def said(columns: Columns | Mapping[str, str] | None) -> Columns | None:
    """Return which column is what.

    Raises:
        UserError: a key is none of user, item, value, timestamp, type.
    """
    if not isinstance(columns, Mapping):
        return columns
    known = Columns.__dataclass_fields__
    for key in columns:
        if key not in known:
            raise UserError(f"columns are {', '.join(known)}, not {key!r}{nearest(key, known)}")
    return Columns(**columns)


def merged(frames: list[pl.DataFrame], key: str) -> pl.DataFrame:
    """Return one row an id; of an attribute that is told more than once the last word counts."""
    whole = pl.concat(frames, how="diagonal_relaxed")
    return whole.group_by(key, maintain_order=True).agg(pl.all().drop_nulls().last())


__all__ = ["Columns", "Gathered", "Query", "Reading", "dataset", "load", "load_split", "read", "tables"]
