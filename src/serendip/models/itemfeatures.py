"""The fitted shape of content: a vector of attributes an item, and the mean vector of a history."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix, vstack

from serendip.arrays import CSR, F32, I32, I64, in_table, offsets, rows_of
from serendip.data.ids import Ids
from serendip.data.queries import Queries
from serendip.data.slates import Contributions, Slates
from serendip.models.contract import Model
from serendip.models.encoder import Encoder
from serendip.models.itemweights import MANY, entries, scattered, summed
from serendip.models.likeness import most_like


@dataclass(frozen=True)
class ItemFeatures(Model):
    """score(u, i) = sum over the history of (x_uj / |x_u|_1 - negative d_uj / |d_u|_1) f_j f_i, d: what is disliked.

    features (n_items, n_features) float32 CSR, rows of length 1, empty where nothing is known of an item. An item that
    has nothing in common with the history scores NaN.
    """

    features: CSR
    encoder: Encoder
    negative: float = field(default=0.0, kw_only=True)

    @cached_property
    def _by_feature(self) -> CSR:
        return self.features.T.tocsr()  # (n_features, n_items)

    def _shares(self, queries: Queries) -> CSR:
        """Return the share of each item in a history, of the items that have features.  # (B, n_items)"""
        liked = self._share(queries.history.matrix(self.rules, self.n_items))
        if not self.negative:
            return liked
        disliked = self._share(queries.history.disliked(self.rules, self.n_items))
        return csr_matrix(liked - np.float32(self.negative) * disliked)

    def _share(self, x: CSR) -> CSR:
        some = np.diff(self.features.indptr)[x.indices] > 0
        if not some.all():
            x = csr_matrix((x.data * some, x.indices, x.indptr), x.shape, copy=True)
            x.eliminate_zeros()
        row = rows_of(x)
        x.data = (x.data / np.bincount(row, x.data, x.shape[0])[row]).astype(np.float32)
        return x

    @cached_property
    def _signed(self) -> bool:
        """Whether an inner product may be 0 or below where something is in common."""
        return bool(self.negative) or bool((self.features.data < 0).any())

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        share = self._shares(queries)
        if item is None and len(queries) == 1:
            profile = summed(share.indices, share.data, self.features)
            used = np.flatnonzero(~np.isnan(profile))
            if np.diff(self._by_feature.indptr)[used].sum() <= MANY:
                return summed(used, profile[used], self._by_feature)[None]
        profile = share @ self.features  # (B, n_features)
        if item is None:
            return scattered(profile @ self._by_feature)
        known, at = in_table(item, self.n_items)
        row = np.repeat(np.arange(len(item), dtype=np.int32), item.shape[1])
        score = products(profile, row, self.features, at.ravel()).reshape(item.shape)
        common = score > 0
        if self._signed:
            common = products(abs(profile), row, abs(self.features), at.ravel()).reshape(item.shape) > 0
        return np.where(known & common, score, np.float32(np.nan))

    def similar(self, item: I32, k: int) -> Slates:
        return most_like(item, scattered(self.features[item] @ self._by_feature), k, self.items.tie)

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        x = self._shares(queries)
        of = np.arange(len(item)) if of is None else of
        cut = [0, *(np.flatnonzero(of[1:] != of[:-1]) + 1).tolist(), len(of)] if len(of) else [0]
        parts = [np.empty(0, np.float32)]
        for begin, end in pairwise(cut):
            at = slice(x.indptr[of[begin]], x.indptr[of[begin] + 1])
            parts.append((self.likeness(item[begin:end], x.indices[at]) * x.data[at]).ravel())  # (m, n)
        row, owed, share = entries(x, of)
        weight = np.concatenate(parts).astype(np.float32, copy=False)
        say = np.flatnonzero(weight)
        count = np.bincount(row[say], minlength=len(item)).astype(np.int64)
        reason = (share[say] < 0).astype(np.int32)
        return Contributions(offsets(count), owed[say], weight[say], reason, ("like", "unlike"))

    def likeness(self, i: I32, j: I32) -> F32:
        """Return the inner product of the features of each i with those of each j, none of which has none.

        (m,), (n,) -> (m, n)
        """
        _, column, value = entries(self.features, j)
        begin = offsets(np.diff(self.features.indptr)[j])[:-1]  # no row is empty
        found = np.empty((len(i), len(j)), np.float32)
        step = max(1, MANY // max(len(column), self.features.shape[1]))
        for b in range(0, len(i) if len(j) else 0, step):
            row, place, own = entries(self.features, i[b : b + step])
            table = np.zeros((len(found[b : b + step]), self.features.shape[1]), np.float32)
            table[row, place] = own
            found[b : b + step] = np.add.reduceat(table[:, column] * value, begin, axis=1)
        return found

    def extend(self, items: Ids, item_features: pl.DataFrame) -> "ItemFeatures":
        new = self.encoder.encode(item_features[self.n_items :])
        return replace(self, items=items, features=vstack([self.features, new], format="csr", dtype=np.float32))

    def described(self, item: I32, item_features: pl.DataFrame) -> "ItemFeatures":
        """Return the model with other attributes for some of its items, one row each.  # item (M,)"""
        order = np.arange(self.n_items)
        order[item] = self.n_items + np.arange(len(item))
        both = vstack([self.features, self.encoder.encode(item_features)], format="csr", dtype=np.float32)
        return replace(self, features=both[order])


def products(a: CSR, i: I32, b: CSR, j: I32) -> F32:
    """Return the inner product of row i[n] of a with row j[n] of b, for each n.  # (N,)"""
    step = 100_000  # so that memory is bounded
    parts = [csr_matrix(a[i[n : n + step]].multiply(b[j[n : n + step]])).sum(axis=1) for n in range(0, len(i), step)]
    return np.concatenate([np.asarray(part, np.float32).ravel() for part in parts] or [np.empty(0, np.float32)])
