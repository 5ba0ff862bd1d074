"""What a ranker is told of a question and an item: one function, for what it learns from and for what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, I64, Bool
from serendip.data.dataset import Dataset
from serendip.data.interactions import DAY
from serendip.data.queries import Queries
from serendip.models.contract import Model
from serendip.models.encoder import Encoder
from serendip.models.fields import Field, Fields
from serendip.models.itemfeatures import products
from serendip.models.standardscore import moments

ATTRIBUTES = {"text": 1.0, "category": 1.0, "number": 0.25, "vector": 1.0}
RECENT = 8  # the last eighth of the time that the events span is recent


@dataclass(frozen=True)
class Standing:
    """How children see all items for some questions: z (B, n_items) a child, 0 on the mean, NaN where it knows nothing;
    place (B, n_items) a child: from 1, among the items not in the history, `most` + 1 beyond the first `most`."""

    z: tuple[F32, ...]
    place: tuple[F32, ...]

    @property
    def retrieved(self) -> Bool:
        """Which items at least one child puts forward.  # (B, n_items)"""
        most = max(float(place.max(initial=0)) for place in self.place)
        return np.min(self.place, axis=0) < most if self.place[0].size else np.zeros(self.place[0].shape, np.bool_)

    @property
    def mean(self) -> F32:
        """The mean z of the children that know an item, NaN where none does.  # (B, n_items)"""
        known = np.array([~np.isnan(z) for z in self.z]).sum(axis=0)
        total = np.sum([np.nan_to_num(z) for z in self.z], axis=0)
        return np.where(known > 0, total / np.maximum(known, 1), np.nan).astype(np.float32)


@dataclass(frozen=True)
class Described:
    """What is known at one moment: items by their events, and the words for attributes and context.

    popularity, recent: log(1 + events) of each item in all and of late; age, idle: days from its first and last event
    to `end` (ms), the last event of all. about (n_items, n_features): attributes as vectors, None where there are none.
    """

    fields: Fields
    item_codes: I32  # (n_items, n_item_fields)
    popularity: F32  # (n_items,), as are the next three
    recent: F32
    age: F32
    idle: F32
    end: int
    about: CSR | None

    @staticmethod
    def of(data: Dataset, fields: Fields) -> "Described":
        """Return what a data set tells; what comes later than it is not in it."""
        n, when = data.n_items, data.timestamp
        count = np.bincount(data.item, minlength=n).astype(np.float32)
        recent, age, idle, end = count, np.zeros(n, np.float32), np.zeros(n, np.float32), 0
        if when is not None and len(when):
            end = int(when.max())
            late = when > end - (end - int(when.min())) / RECENT
            recent = np.bincount(data.item[late], minlength=n).astype(np.float32)
            first, last = np.full(n, end, np.int64), np.full(n, int(when.min()), np.int64)
            np.minimum.at(first, data.item, when)
            np.maximum.at(last, data.item, when)
            age, idle = (((end - moment) / DAY).astype(np.float32) for moment in (first, last))
        about = None
        if data.item_features is not None:
            encoder = Encoder.of(data.item_features, tuple(data.item_features.columns), ATTRIBUTES)
            about = encoder.encode(data.item_features) if encoder.columns else None
        codes = [code(field, None if data.item_features is None else data.item_features[field.name], n)
                 for field in fields.item[1:]]  # fmt: skip
        table = np.stack(codes, axis=1) if codes else np.zeros((n, 0), np.int32)
        return Described(fields, table, np.log1p(count), np.log1p(recent), age, idle, end, about)

    def names(self, children: Sequence[str]) -> list[str]:
        """Return the names of the columns of `rows`."""
        child = [f"{what} {name}" for name in children for what in ("score of", "place in")]
        user = ["history events", "history items", "days since the last event", "popularity of the history"]
        item = ["popularity", "recent popularity", "age", "days since its last event", "likeness to the history"]
        return [*child, *user, *item, *(f.name for f in self.fields.query[1:]), *(f.name for f in self.fields.item[1:])]

    @property
    def n_codes(self) -> int:
        """How many columns, the last, are codes of categories."""
        return len(self.fields.query) + len(self.fields.item) - 2

    def rows(self, queries: Queries, standing: Standing, row: I64, item: I32) -> F32:
        """Return the features of (question, item) pairs.  # (P,), (P,) -> (P, n_features)"""
        columns: list[np.ndarray] = []
        for z, place in zip(standing.z, standing.place, strict=True):
            columns += [z[row, item], place[row, item]]
        columns += [column[row] for column in self._users(queries)]
        columns += [table[item] for table in (self.popularity, self.recent, self.age, self.idle)]
        columns.append(self._likeness(queries, row, item))
        for field in self.fields.query[1:]:
            columns.append(code(field, field.asked(queries), len(queries))[row])
        columns += list(self.item_codes[item].T)
        return np.stack(columns, axis=1).astype(np.float32)

    def _users(self, queries: Queries) -> list[np.ndarray]:
        """Return what is told of who asks, a column each.  # (B,)"""
        history = queries.history
        count = np.diff(history.offset)
        of = history.lists.row
        known = np.flatnonzero(history.item < len(self.popularity))
        some = np.maximum(np.bincount(of[known], minlength=len(queries)), 1)
        mean = np.bincount(of[known], self.popularity[history.item[known]], len(queries)) / some
        pair = np.unique(of.astype(np.int64) << 32 | history.item)
        different = np.bincount(pair >> 32, minlength=len(queries))
        idle = np.full(len(queries), np.nan)
        if history.timestamp is not None and len(history.timestamp):
            now = queries.timestamp if queries.timestamp is not None else np.full(len(queries), self.end)
            last = history.timestamp[np.maximum(history.offset[1:] - 1, 0)]
            idle = np.where(count > 0, np.maximum(now - last, 0) / DAY, np.nan)
        return [np.log1p(count), np.log1p(different), idle, np.where(count > 0, mean, np.nan)]

    def _likeness(self, queries: Queries, row: I64, item: I32) -> F32:
        """Return the mean cosine of an item's attributes with those of the history.  # (P,)"""
        if self.about is None:
            return np.full(len(row), np.nan, np.float32)
        history = queries.history
        of = history.lists.row
        known = history.item < self.about.shape[0]
        share = 1 / np.maximum(np.bincount(of[known], minlength=len(queries)), 1)
        shape = (len(queries), self.about.shape[0])
        profile = (
            csr_matrix((share[of[known]].astype(np.float32), (of[known], history.item[known])), shape) @ self.about
        )
        return products(csr_matrix(profile), row.astype(np.int32), self.about, item)


def code(field: Field, column: pl.Series | I32 | None, n: int) -> I32:
    """Return one number a value: 0 where missing, the first of several in a list.  # (n,)"""
    features = field.encode(column, n)
    return features.indices[features.indptr[:-1]].astype(np.int32)


def standing(children: Sequence[Model], queries: Queries, n_items: int, most: int) -> Standing:
    """Return how the children see all items; the history has no place."""
    b = len(queries)
    seen = np.zeros((b, n_items), np.bool_)
    past = queries.history.lists.where(queries.history.item < n_items)
    seen[past.row, past.item] = True
    all_z, places = [], []
    for child in children:
        z = np.full((b, n_items), np.nan, np.float32)
        z[:, : child.n_items] = child.score(queries)
        known = ~np.isnan(z)
        mean, variance = moments(z)
        z = ((z - mean) / np.maximum(np.sqrt(variance), 1e-9)).astype(np.float32)
        low = np.where(seen | ~known, -np.inf, z)
        m = min(most, n_items)
        tie = child.items.tie[:n_items] if len(child.items) >= n_items else np.arange(n_items)
        order = np.lexsort((np.broadcast_to(tie, low.shape), -low), axis=1)[:, :m]
        place = np.full((b, n_items), most + 1, np.float32)
        np.put_along_axis(place, order, np.arange(1, m + 1, dtype=np.float32)[None], axis=1)
        place[seen | ~known] = most + 1
        all_z.append(z)
        places.append(place)
    return Standing(tuple(all_z), tuple(places))
