"""The fitted shape of linear models and factorisation machines: a weight and factors for each feature."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

import numpy as np
import polars as pl
from scipy.sparse import vstack

from serendip.arrays import CSR, F32, I32, Bool, ItemLists, in_table
from serendip.data.ids import Ids
from serendip.data.queries import Queries
from serendip.data.slates import Slates
from serendip.kernels.topk import topk_dot
from serendip.models.contract import Model
from serendip.models.fields import Fields

PAIRS = 4_000_000  # numbers of item vectors gathered at once where items are given


@dataclass(frozen=True)
class FeatureModel(Model):
    """score(q, i) = bias + sum_a x_a w_a + sum_(a < b) x_a x_b v[a, slot of b] v[b, slot of a], a and b of q and i.

    What concerns the item alone is summed once, what concerns the question once a question; the pairs of the one with
    the other are an inner product. w (n_features,), v (n_features, slots, rank) float32; slots: one a field, or one in
    all. item_rows (n_items, n_features). known (n_items,): items that were seen or have attributes. probability: the
    score is put through the logistic function: what was learnt from labels predicts how likely one is 1.
    """

    reads_users: ClassVar[bool] = True

    fields: Fields
    bias: float
    w: F32
    v: F32
    item_rows: CSR
    known: Bool
    probability: bool

    def _parts(self, rows: CSR, first: int, n: int) -> tuple[F32, F32]:
        """Return the sums of v over each of n fields from `first` on, and what the rows score by themselves.

        rows (B, n_features) -> (B, n or 1, slots, rank), (B,)
        """
        slots, rank = self.v.shape[1:]
        bounds = self.fields.first[first : first + n + 1]
        if slots == 1:
            bounds = bounds[[0, -1]]
        sums = np.stack(
            [
                (rows[:, a:b] @ self.v[a:b].reshape(b - a, slots * rank)).reshape(rows.shape[0], slots, rank)
                for a, b in pairwise(bounds)
            ],
            axis=1,
        )  # (B, fields, slots, rank)
        own = sums[:, :, first : first + n] if slots > 1 else sums  # (B, fields, fields, rank)
        itself = self.v[np.arange(len(self.v)), self.fields.of_feature] if slots > 1 else self.v[:, 0]
        squares = rows.multiply(rows) @ np.square(itself).sum(axis=1)
        alone = rows @ self.w + 0.5 * (np.einsum("bijr,bjir->b", own, own) - squares)
        return sums, np.asarray(alone, np.float32)

    @cached_property
    def _items(self) -> tuple[F32, F32]:
        """A vector an item, and what it scores by itself.  # (n_items, D), (n_items,)"""
        return self._vectors(self.item_rows)

    def _vectors(self, item_rows: CSR) -> tuple[F32, F32]:
        n = len(self.fields.query)
        sums, alone = self._parts(item_rows, n, len(self.fields.item))
        if sums.shape[2] > 1:
            sums = sums[:, :, :n].transpose(0, 2, 1, 3)  # by the question's field, then the item's
        return np.ascontiguousarray(sums.reshape(len(sums), math.prod(sums.shape[1:]))), alone

    def _queries(self, queries: Queries) -> tuple[F32, F32]:
        """Return a vector a question, and what it scores by itself.  # (B, D), (B,)"""
        n = len(self.fields.query)
        sums, alone = self._parts(self.fields.asked(queries), 0, n)
        if sums.shape[2] > 1:
            sums = sums[:, :, n:]
        return np.ascontiguousarray(sums.reshape(len(sums), math.prod(sums.shape[1:]))), alone + np.float32(self.bias)

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        x, own = self._queries(queries)
        y, alone = self._items
        if item is None:
            score = x @ y.T + alone + own[:, None]
            score[:, ~self.known] = np.nan
            return self.linked(score)
        known, at = in_table(item, self.n_items)
        score = np.empty(item.shape, np.float32)
        step = max(1, PAIRS // max(item.shape[1] * y.shape[1], 1))
        for b in range(0, len(item), step):
            rows = slice(b, b + step)
            score[rows] = np.einsum("bd,bmd->bm", x[rows], y[at[rows]]) + alone[at[rows]] + own[rows, None]
        score[~(known & self.known[at])] = np.nan
        return self.linked(score)

    def linked(self, score: F32) -> F32:
        """Return scores as the model gives them."""
        return np.asarray(1 / (1 + np.exp(-score)), np.float32) if self.probability else score

    def recommend(
        self, queries: Queries, k: int, candidates: ItemLists | None = None, exclude: ItemLists | None = None
    ) -> Slates:
        if candidates is not None:
            return super().recommend(queries, k, candidates, exclude)
        x, own = self._queries(queries)
        y, alone = self._items
        bias = np.where(self.known, alone, np.float32(-np.inf))
        item, score = topk_dot(x, y, bias, k, self.items.tie, exclude=exclude)
        none = ~np.isfinite(score)
        score = self.linked(np.where(none, np.float32(np.nan), score + own[:, None]))
        return Slates(np.where(none, np.int32(-1), item), score)

    def extend(self, items: Ids, item_features: pl.DataFrame) -> "FeatureModel":
        """Return the model with new items, each told by its attributes and as an item that was never met."""
        index = np.arange(self.n_items, len(items), dtype=np.int32)
        new = self.fields.items(index, item_features[self.n_items :])
        known = np.concatenate([self.known, attributed(new, self.fields)])
        return replace(self, items=items, item_rows=vstack([self.item_rows, new], format="csr"), known=known)

    def described(self, item: I32, item_features: pl.DataFrame) -> "FeatureModel":
        """Return the model with other attributes for some of its items, one row each.  # item (M,)"""
        new = self.fields.items(item, item_features)
        order = np.arange(self.n_items)
        order[item] = self.n_items + np.arange(len(item))
        known = self.known.copy()
        known[item] |= attributed(new, self.fields)
        return replace(self, item_rows=vstack([self.item_rows, new], format="csr")[order], known=known)


def attributed(item_rows: CSR, fields: Fields) -> Bool:
    """Return which items have an attribute.  # (n_items, n_features) -> (n_items,)"""
    n = len(fields.query)
    told = np.zeros(fields.n_features, np.float32)
    told[fields.first[n + 1] :] = 1
    told[fields.first[n:-1]] = 0  # what stands for a missing one
    has: Bool = np.asarray(item_rows @ told > 0)
    return has


@dataclass(frozen=True)
class FeatureRatings(FeatureModel):
    """The same with ratings for scores; low and high are the ends of their scale."""

    low: float
    high: float

    def predict(self, queries: Queries, item: I32) -> F32:
        """Return the rating of one item a query; an item that was never met is one of the mean."""
        x, own = self._queries(queries)
        met, at = in_table(item, self.n_items)
        met &= self.known[at]
        (y, alone), (other, rest) = self._items, self._vectors(self.fields.items(np.array([-1], np.int32), None))
        y, alone = np.where(met[:, None], y[at], other), np.where(met, alone[at], rest)
        rating = np.einsum("bd,bd->b", x, y) + alone + own
        return np.asarray(np.clip(rating, self.low, self.high), np.float32)


def rating(model: FeatureModel, low: float, high: float) -> FeatureRatings:
    """Return a model whose scores are ratings as one that predicts them, from low to high."""
    return FeatureRatings(
        model.users, model.items, model.rules, model.fields, model.bias, model.w, model.v, model.item_rows, model.known,
        model.probability, low, high,
    )  # fmt: skip
