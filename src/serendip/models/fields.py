"""What a question and an item are made of, as one-hot features in fields: user, item, context, and attributes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, I64, offsets
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.data.queries import Queries, no_history
from serendip.models.cost import Size
from serendip.models.encoder import kind_of, numbers

BINS = 10  # a number is one of at most so many ranges between its quantiles
FEW = 24  # a context of at most so many different numbers is a category
CLOCK: Mapping[str, int] = {"hour": 24, "weekday": 7}  # UTC; weekday 0 is Monday


@dataclass(frozen=True)
class Field:
    """One column as features: the first stands for what is missing or was never met, the others for its values.

    source: user or item (an index), context, clock (of the time asked), users or items (attributes). size: features.
    terms: the values of a category. knots: the bounds between the ranges of a number.
    """

    source: str
    name: str
    kind: str  # index, category or number
    size: int
    terms: Ids
    knots: F32

    @staticmethod
    def of(source: str, name: str, column: pl.Series) -> "Field | None":
        """Return the field of a column, None where the column tells nothing apart or is text."""
        kind = kind_of(column)
        if source == "context":  # a city or a device is a category, however many there are
            kind = "number" if kind == "number" and column.n_unique() > FEW else "category"
        if kind == "number":
            knots = np.unique(np.quantile(numbers(column).drop_nulls().to_numpy(), np.linspace(0, 1, BINS + 1)[1:-1]))
            return Field(source, name, kind, len(knots) + 2, Ids([]), knots.astype(np.float32))
        if kind != "category":
            return None
        terms = Ids(_terms(column)["term"].unique().sort())
        return Field(source, name, kind, len(terms) + 1, terms, np.empty(0, np.float32))

    @staticmethod
    def indexed(source: str, size: int, name: str = "") -> "Field":
        """Return the field of an index below `size`."""
        return Field(source, name or source, "index", size + 1, Ids([]), np.empty(0, np.float32))

    def asked(self, queries: Queries) -> pl.Series | I32 | None:
        """Return what questions hold of the field, None where nothing is known.  # B values"""
        match self.source:
            case "user":
                return queries.user
            case "context":
                return queries.context.get(self.name)
            case "clock":
                return None if queries.timestamp is None else of_clock(self.name, queries.timestamp)
        return attribute(queries.user_features, self.name)

    def encode(self, column: pl.Series | I32 | None, n: int) -> CSR:
        """Return the features of n values, those of a list of m values 1/m each.  # (n, size)"""
        row = np.arange(n, dtype=np.int64)
        feature = np.zeros(n, np.int64)
        if column is None:
            pass
        elif isinstance(column, np.ndarray):
            feature = np.where((column >= 0) & (column < self.size - 1), column.astype(np.int64) + 1, 0)
        elif self.kind == "number":
            given = numbers(column).to_numpy().astype(np.float64)
            feature = np.where(np.isnan(given), 0, np.searchsorted(self.knots, given, side="right") + 1)
        else:
            found = _terms(column)
            row, feature = found["row"].to_numpy(), self.terms.index(found["term"]).astype(np.int64) + 1
            none = np.flatnonzero(np.bincount(row, minlength=n) == 0)
            row, feature = np.concatenate([row, none]), np.concatenate([feature, np.zeros(len(none), np.int64)])
        share = (1 / np.bincount(row, minlength=n)[row]).astype(np.float32)
        return csr_matrix((share, (row, feature)), shape=(n, self.size))


def attribute(about: pl.DataFrame | None, name: str) -> pl.Series | None:
    """Return an attribute, None where there is none of that name."""
    return None if about is None or name not in about.columns else about[name]


def _terms(column: pl.Series) -> pl.DataFrame:
    """Return the values of each row as text: columns row, term; none for what is missing."""
    values = column if isinstance(column.dtype, pl.List) else column.cast(pl.String)
    table = pl.DataFrame({"row": np.arange(len(column), dtype=np.int64), "term": values})
    if isinstance(column.dtype, pl.List):
        table = table.explode("term")
    table = table.with_columns(pl.col("term").cast(pl.String).str.strip_chars())
    return table.filter(pl.col("term").is_not_null() & (pl.col("term") != "")).unique(maintain_order=True)


@dataclass(frozen=True)
class Fields:
    """The fields of questions, then those of items; a feature's number counts through all of them."""

    query: tuple[Field, ...]
    item: tuple[Field, ...]

    @staticmethod
    def of(data: Dataset, *, clock: bool = True) -> "Fields":
        """Return the fields of a data set: user and item, its context, and the attributes that tell something apart.

        clock: the hour and the weekday of an event are context too.
        """
        timed = clock and data.timestamp is not None
        return Fields.made(data.n_users, data.n_items, data.context, timed, data.user_features, data.item_features)

    @staticmethod
    def of_size(size: Size, *, clock: bool) -> "Fields":
        """Return the fields of a data set of this size that has no context but the clock."""
        timed = clock and size.timed
        return Fields.made(size.n_users, size.n_items, {}, timed, size.user_features, size.item_features)

    @staticmethod
    def made(
        n_users: int,
        n_items: int,
        context: Mapping[str, pl.Series],
        timed: bool,
        user_features: pl.DataFrame | None,
        item_features: pl.DataFrame | None,
    ) -> "Fields":
        """Return the fields of these many users and items, their attributes, and the context of events."""
        query: list[Field | None] = [Field.indexed("user", n_users)]
        query += [Field.of("context", name, column) for name, column in context.items()]
        if timed:
            query += [
                Field("clock", n, "index", size + 1, Ids([]), np.empty(0, np.float32)) for n, size in CLOCK.items()
            ]
        item: list[Field | None] = [Field.indexed("item", n_items)]
        for fields, source, about in ((query, "users", user_features), (item, "items", item_features)):
            fields += [] if about is None else [Field.of(source, name, about[name]) for name in about.columns]
        some = (tuple(field for field in fields if field is not None) for fields in (query, item))
        return Fields(*some)

    @cached_property
    def first(self) -> I64:
        """Where the features of each field begin, and the end.  # (n_fields + 1,)"""
        return np.cumsum([0, *(field.size for field in (*self.query, *self.item))], dtype=np.int64)

    @property
    def n_features(self) -> int:
        return int(self.first[-1])

    @cached_property
    def of_feature(self) -> I32:
        """The field that each feature belongs to.  # (n_features,)"""
        return np.repeat(np.arange(len(self.first) - 1, dtype=np.int32), np.diff(self.first))

    def asked(self, queries: Queries) -> CSR:
        """Return the features of questions.  # (B, n_features)"""
        return self._stacked(self.query, [field.asked(queries) for field in self.query], len(queries), 0)

    def rows(self, data: Dataset) -> CSR:
        """Return the features of what each event was asked with.  # (N, n_features)"""
        about = None if data.user_features is None else data.user_features[data.user]
        return self.asked(Queries(data.user, no_history(len(data)), data.timestamp, data.context, about))

    def items(self, item: I32, about: pl.DataFrame | None) -> CSR:
        """Return the features of items, a row of `about` each; -1: one that was never met.  # (m, n_features)"""
        columns: list[pl.Series | I32 | None] = [
            item if field.source == "item" else attribute(about, field.name) for field in self.item
        ]
        return self._stacked(self.item, columns, len(item), len(self.query))

    def _stacked(self, fields: tuple[Field, ...], columns: list[pl.Series | I32 | None], n: int, begin: int) -> CSR:
        parts = [field.encode(column, n) for field, column in zip(fields, columns, strict=True)]
        count = sum(np.diff(part.indptr).astype(np.int64) for part in parts)
        indptr = offsets(np.asarray(count))
        feature, value = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
        at = indptr[:-1].copy()
        for f, part in enumerate(parts, begin):
            each = np.diff(part.indptr).astype(np.int64)
            place = np.repeat(at - part.indptr[:-1], each) + np.arange(part.nnz)
            feature[place], value[place] = part.indices + self.first[f], part.data
            at += each
        return csr_matrix((value, feature, indptr), shape=(n, self.n_features))


def of_clock(name: str, timestamp: I64) -> I32:
    """Return the hour or the weekday of times in ms, UTC."""
    hours = timestamp // 3_600_000
    return np.asarray(hours % 24 if name == "hour" else (hours // 24 + 3) % 7, np.int32)  # 1970 began on a Thursday
