"""What a model is asked: who, with which history, in which context."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import polars as pl

from serendip.arrays import CSR, F32, I8, I32, I64, U64, ItemLists, offsets, pairs_of, ranges
from serendip.data.interactions import EventColumns, InteractionRules, disliked, interactions, ratings

HASHED = 1 << 16  # events whose hashes are made at once


@dataclass(frozen=True)
class History:
    """The past events of each query, in time order: offset (B + 1,) int64, then a column an attribute."""

    offset: I64
    item: I32  # (nnz,), with repeats; an item beyond a model's table is one it does not know
    value: F32 | None = None
    type: I8 | None = None
    timestamp: I64 | None = None
    types: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.offset) - 1

    @property
    def lists(self) -> ItemLists:
        """The items alone."""
        return ItemLists(self.offset, self.item)

    def matrix(self, rules: InteractionRules, n_items: int) -> CSR:
        """Return the interactions that the rules make of these events; a slate asks for them again and again, so that
        those of one history are kept: the arrays are not to be written to.  # (B, n_items) float32
        """
        if len(self) != 1:
            return interactions(self.events, rules, len(self), n_items)
        kept: tuple[InteractionRules, int, CSR] | None = self.__dict__.get("_matrix")
        if kept is None or kept[1] != n_items or kept[0] != rules:
            made = interactions(self.events, rules, 1, n_items)
            for array in (made.data, made.indices, made.indptr):
                array.flags.writeable = False
            kept = self.__dict__["_matrix"] = rules, n_items, made
        return copy(kept[2])

    def disliked(self, rules: InteractionRules, n_items: int) -> CSR:
        """Return 1 for what the rules make no interaction of since it was disliked.  # (B, n_items) float32"""
        return disliked(self.events, rules, len(self), n_items)

    def ratings(self, n_items: int) -> CSR:
        """Return the last rating of each item.  # (B, n_items) float32"""
        return ratings(self.events, len(self), n_items)

    def later(self, rows: CSR) -> I64:
        """Return how many events of known items came after the last of each entry of a history's matrix, in order.

        rows (B, n_items) are what `matrix` or `ratings` made of this history -> (nnz,).
        """
        n, row = rows.shape[1], self.lists.row
        known = (self.item >= 0) & (self.item < n)
        passed = offsets(known)
        later = passed[self.offset[row + 1]] - passed[1:]  # (N,)
        key = np.where(known, row * n + self.item, -1)
        order = np.lexsort((later, key))
        at = np.searchsorted(key[order], pairs_of(rows))
        return np.asarray(later[order][at], np.int64)

    def recency(self, rows: CSR, half: float) -> F32:
        """Return a half for every `half` later events of the history, for each entry of its matrix; 1 without times.

        rows (B, n_items) are what `matrix` or `ratings` made of this history -> (nnz,).
        """
        if self.timestamp is None:
            return np.ones(rows.nnz, np.float32)
        return np.exp2(-self.later(rows) / half).astype(np.float32)

    @property
    def events(self) -> EventColumns:
        """The events with the number of their history as row."""
        return EventColumns(self.lists.row, self.item, self.value, self.timestamp, self.type, self.types)

    def fingerprint(self) -> U64:
        """Return a hash of each history, whatever the order of its events: equal for the same events.  # (B,)"""
        if len(self) == 1:
            kept: U64 | None = self.__dict__.get("_fingerprint")
            if kept is None:
                kept = self.__dict__["_fingerprint"] = self._hashed()
            return kept
        return self._hashed()

    def _hashed(self) -> U64:
        sums = np.empty(len(self.offset) - 1, np.uint64)
        cut = np.searchsorted(self.offset, np.arange(HASHED, len(self.item), HASHED))
        for begin, end in pairwise(np.unique([0, *cut, len(sums)])):  # some histories at a time, to save memory
            at = slice(self.offset[begin], self.offset[end])
            bits = self.item[at].astype(np.uint64) + np.uint64(1)
            if self.type is not None:
                bits += self.type[at].astype(np.uint64) << np.uint64(32)
            if self.value is not None:
                value = np.where(np.isnan(self.value[at]), np.float32(0), self.value[at])  # none is like no values
                bits ^= value.view(np.uint32).astype(np.uint64) << np.uint64(31)
            for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64's mixing
                bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
            bits ^= bits >> np.uint64(31)
            total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(bits, dtype=np.uint64)])
            offset = self.offset[begin : end + 1] - self.offset[begin]
            sums[begin:end] = total[offset[1:]] - total[offset[:-1]]
        return sums

    def rows(self, index: I64 | slice) -> "History":
        """Return the histories of some queries."""
        start, count = self.offset[:-1][index], np.diff(self.offset)[index]
        at = ranges(start, count)
        return History(
            offsets(count),
            self.item[at],
            None if self.value is None else self.value[at],
            None if self.type is None else self.type[at],
            None if self.timestamp is None else self.timestamp[at],
            self.types,
        )


def no_history(n: int) -> History:
    """Return n empty histories."""
    return History(np.zeros(n + 1, np.int64), np.empty(0, np.int32))


@dataclass(frozen=True)
class Queries:
    """B questions: user (B,) int32, -1 where unknown; history; and, where known, time, context and user features.

    context: what is known at the time of the question, as the device or the place: one column of B values a name.
    """

    user: I32
    history: History
    timestamp: I64 | None = None  # (B,), when the question is asked, ms
    context: Mapping[str, pl.Series] = field(default_factory=dict)
    user_features: pl.DataFrame | None = None  # B rows

    def __len__(self) -> int:
        return len(self.user)

    def rows(self, index: I64 | slice) -> "Queries":
        """Return some of the questions."""
        if isinstance(index, slice) and index.indices(len(self)) == (0, len(self), 1):
            return self
        at = np.arange(len(self))[index]
        return Queries(
            self.user[index],
            self.history.rows(index),
            None if self.timestamp is None else self.timestamp[index],
            {name: column.gather(at) for name, column in self.context.items()},
            None if self.user_features is None else self.user_features[at],
        )

    def at(self, timestamp: int | None = None, context: Mapping[str, object] | None = None) -> "Queries":
        """Return the same questions, all asked at one time (ms) and in one context: a value a name."""
        n = len(self)
        return replace(
            self,
            timestamp=self.timestamp if timestamp is None else np.full(n, timestamp, np.int64),
            context={**self.context, **{name: repeated(name, value, n) for name, value in (context or {}).items()}},
        )


def repeated(name: str, value: object, n: int) -> pl.Series:
    """Return a column that holds one value n times."""
    return pl.Series(name, [value] * n, strict=False)


def ask(items: Sequence[Sequence[int]], value: Sequence[Sequence[float]] | None = None) -> Queries:
    """Return the questions of newcomers who bring lists of item indices as their history."""
    flat = np.fromiter((i for row in items for i in row), np.int32)
    values = None if value is None else np.fromiter((v for row in value for v in row), np.float32)
    offset = offsets(np.array([len(row) for row in items], np.int64))
    return Queries(np.full(len(items), -1, np.int32), History(offset, flat, values))
