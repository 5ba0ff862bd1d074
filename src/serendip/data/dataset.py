"""The immutable columns that algorithms learn from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b

import numpy as np
import polars as pl

from serendip.arrays import CSR, F32, I8, I32, I64, Bool, in_table, offsets, ranges
from serendip.data.ids import Ids
from serendip.data.interactions import RATED, InteractionRules
from serendip.data.queries import History, Queries
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.plural import counted


@dataclass(frozen=True)
class Dataset:
    """Events as columns of equal length N, ordered by user, then time, then as given.

    user, item: int32 indices into users and items. value: float32, NaN where none. timestamp: int64 ms.
    type: int8 codes into types. label: float32. context: one column a name. Features: one row an index,
    null where missing. A column that the data does not have is None.
    """

    users: Ids
    items: Ids
    user: I32
    item: I32
    value: F32 | None = None
    timestamp: I64 | None = None
    type: I8 | None = None
    types: tuple[str, ...] = ()
    label: F32 | None = None
    context: Mapping[str, pl.Series] = field(default_factory=dict)
    user_features: pl.DataFrame | None = None  # n_users rows
    item_features: pl.DataFrame | None = None  # n_items rows
    rules: InteractionRules = field(default_factory=InteractionRules)

    def __post_init__(self) -> None:
        if len(self.user) > 1 and bool((np.diff(self.user) < 0).any()):
            raise ValueError("rows must be ordered by user: use Dataset.of")
        for array in (self.user, self.item, self.value, self.timestamp, self.type, self.label):
            if array is not None:
                array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.user)

    def __str__(self) -> str:
        kinds = [self.types[code] for code in np.unique(self.type)] if self.type is not None else []
        users, items = counted(self.n_users, "user"), counted(self.n_items, "item")
        times = "" if self.timestamp is not None else ", without times"
        of = f" ({', '.join(kinds)})" if kinds else ""
        return f"{counted(len(self), 'event')}{of} of {users} and {items}{times}"

    @property
    def n_users(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @staticmethod
    def of(
        tables: Tables,
        rules: InteractionRules | None = None,
        *,
        users: Ids | None = None,
        items: Ids | None = None,
    ) -> "Dataset":
        """Return the data set of three tables; `users` and `items` are tables to extend, so that indices stay.

        Raises:
            UserError: a features table has an id twice.
        """
        events = tables.events
        users = (users or Ids([])).extend(events["user_id"]).extend(tables.users["user_id"])
        items = (items or Ids([])).extend(events["item_id"]).extend(tables.items["item_id"])
        given = set(events.columns)

        def column(name: str, dtype: type[pl.DataType]) -> pl.Series | None:
            return events[name].cast(dtype) if name in given and events[name].null_count() < len(events) else None

        value, timestamp, kind = column("value", pl.Float32), column("timestamp", pl.Int64), column("type", pl.String)
        label = column("label", pl.Float32)
        types: tuple[str, ...] = ()
        code = None
        if kind is not None:
            kind = kind.fill_null("interaction")
            types = tuple(sorted(kind.unique().to_list()))
            code = kind.replace_strict(list(types), list(range(len(types))), return_dtype=pl.Int8).to_numpy()
        extra = [c for c in events.columns if c.startswith("context.")]
        return Dataset.sort(
            users,
            items,
            users.index(events["user_id"]),
            items.index(events["item_id"]),
            value=None if value is None else value.fill_null(float("nan")).to_numpy(),
            timestamp=None if timestamp is None else timestamp.fill_null(0).to_numpy(),
            type=code,
            types=types,
            label=None if label is None else label.to_numpy(),
            context={c.removeprefix("context."): events[c] for c in extra},
            user_features=features(tables.users, "user_id", users, "users"),
            item_features=features(tables.items, "item_id", items, "items"),
            rules=rules or InteractionRules(),
        )

    @staticmethod
    def sort(
        users: Ids,
        items: Ids,
        user: I32,
        item: I32,
        *,
        value: F32 | None = None,
        timestamp: I64 | None = None,
        type: I8 | None = None,
        types: tuple[str, ...] = (),
        label: F32 | None = None,
        context: Mapping[str, pl.Series] | None = None,
        user_features: pl.DataFrame | None = None,
        item_features: pl.DataFrame | None = None,
        rules: InteractionRules | None = None,
    ) -> "Dataset":
        """Return the data set of columns in any order of rows."""
        order = np.argsort(user, kind="stable") if timestamp is None else np.lexsort((timestamp, user))
        return Dataset(
            users,
            items,
            user[order].astype(np.int32),
            item[order].astype(np.int32),
            None if value is None else value[order].astype(np.float32),
            None if timestamp is None else timestamp[order].astype(np.int64),
            None if type is None else type[order].astype(np.int8),
            types,
            None if label is None else label[order].astype(np.float32),
            {} if context is None else {name: series[order] for name, series in context.items()},
            user_features,
            item_features,
            rules or InteractionRules(),
        )

    @cached_property
    def offset(self) -> I64:
        """Where each user's rows begin, and the end.  # (n_users + 1,)"""
        return offsets(np.bincount(self.user, minlength=self.n_users))

    @cached_property
    def matrix(self) -> CSR:
        """The interactions: what each pair weighs; a row whose label is 0 is none.  # (n_users, n_items) float32"""
        taken = self if self.label is None else self.where(self.label > 0)
        return taken.history.matrix(self.fitted_rules, self.n_items)

    @cached_property
    def ratings(self) -> CSR:
        """The last rating of each (user, item) pair.  # (n_users, n_items) float32"""
        return self.history.ratings(self.n_items)

    @property
    def fitted_rules(self) -> InteractionRules:
        """The rules that a model fitted on this data carries: decay counts from the last event."""
        last = int(self.timestamp.max()) if self.timestamp is not None and len(self) else None
        return self.rules.at(last)

    @cached_property
    def rated(self) -> Bool:
        """Which rows are ratings: they have a value, and their type, where there is one, is a rated one.  # (N,)"""
        if self.value is None:
            return np.zeros(len(self), np.bool_)
        rated = ~np.isnan(self.value)
        if self.type is not None:
            rated &= np.isin(self.type, [c for c, name in enumerate(self.types) if name in RATED])
        return rated

    @cached_property
    def history(self) -> History:
        """The events of every user.  # n_users histories"""
        return History(self.offset, self.item, self.value, self.type, self.timestamp, self.types)

    def queries(self, user: I32 | None = None) -> Queries:
        """Return the question of each of some users (all where none are given) with their whole history."""
        at = np.arange(self.n_users, dtype=np.int32) if user is None else np.asarray(user, np.int32)
        known, row = in_table(at, self.n_users)
        start, count = self.offset[row], np.diff(self.offset)[row] * known
        where = ranges(start, count)
        history = History(
            offsets(count),
            self.item[where],
            None if self.value is None else self.value[where],
            None if self.type is None else self.type[where],
            None if self.timestamp is None else self.timestamp[where],
            self.types,
        )
        about = None
        if self.user_features is not None:
            about = self.user_features[row]
            if not known.all():
                keep = pl.Series(known)
                about = about.select(pl.when(keep).then(pl.col(c)).otherwise(None).alias(c) for c in about.columns)
        return Queries(at, history, user_features=about)

    def where(self, mask: Bool) -> "Dataset":
        """Return the data set of some rows, with the same ids and features.  # mask (N,)"""
        return replace(
            self,
            user=self.user[mask],
            item=self.item[mask],
            value=None if self.value is None else self.value[mask],
            timestamp=None if self.timestamp is None else self.timestamp[mask],
            type=None if self.type is None else self.type[mask],
            label=None if self.label is None else self.label[mask],
            context={name: series.filter(pl.Series(mask)) for name, series in self.context.items()},
        )

    def ruled(self, rules: InteractionRules) -> "Dataset":
        """Return the same events under other interaction rules."""
        return replace(self, rules=rules)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of ids, columns, features and rules: equal for equal data."""
        digest = blake2b(digest_size=16)
        for ids in (self.users, self.items):
            digest.update("\n".join(ids.series.to_list()).encode())
        for array in (self.user, self.item, self.value, self.timestamp, self.type, self.label):
            digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        for frame in (self.user_features, self.item_features):
            digest.update(b"-" if frame is None else frame.write_json().encode())
        digest.update(repr((self.types, sorted(self.rules.weights.items()), self.rules)).encode())
        return digest.hexdigest()


def in_context(queries: Queries, later: Dataset, user: I32) -> Queries:
    """Return the questions of users at the time and in the context of their first later event.  # user (B,)"""
    first = np.searchsorted(later.user, user)  # (B,)
    return replace(
        queries,
        timestamp=None if later.timestamp is None else later.timestamp[first],
        context={name: column.gather(first) for name, column in later.context.items()},
    )


def features(table: pl.DataFrame, key: str, ids: Ids, what: str) -> pl.DataFrame | None:
    """Return the attributes of `table` with one row an index of `ids`, null where an id is not there.

    Raises:
        UserError: an id stands in the table twice.
    """
    if table.width <= 1 or table.is_empty():
        return None
    if table[key].n_unique() != len(table):
        twice = table[key].filter(table[key].is_duplicated())[0]
        raise UserError(f"{key} {twice!r} is there more than once in the {what} table: keep one row for each")
    return pl.DataFrame({key: ids.series}).join(table, on=key, how="left", maintain_order="left").drop(key)
