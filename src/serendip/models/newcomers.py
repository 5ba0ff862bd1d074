"""Items that came after a model was fitted: each stands where the items most like it by content stand.

The idea is that of attribute-to-feature mappings: Gantner et al., "Learning Attribute-to-Feature Mappings for
Cold-Start Recommendations", ICDM 2010, whose kNN mapping this is, applied to scores, so that it serves any model.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, I64, ItemLists, offsets
from serendip.data.ids import Ids
from serendip.data.queries import Queries
from serendip.data.slates import Contributions, Slates, picked
from serendip.kernels.topk import topk_dense
from serendip.models.contract import Explains, Model
from serendip.models.itemfeatures import ItemFeatures
from serendip.models.itemweights import entries
from serendip.models.likeness import alike, most_like

NEAR = 20  # items by which a newer one stands


@dataclass(frozen=True)
class Newcomers(Model):
    """score(q, n) = sum_j like_nj score(q, j) / sum_j like_nj over the known items j that are most like the new one.

    main: a model of the first items. like (n_items - main.n_items, main.n_items) float32 CSR: at most NEAR known items
    a row by the cosine of their content, none where nothing is known of an item. content: vectors of all the items.
    """

    main: Model
    like: CSR
    content: ItemFeatures | None = None

    @cached_property
    def tie(self) -> I32:
        """The order that breaks ties: the known items as in their model, then the new ones.  # (n_items,)"""
        known = self.main.items.tie
        new = Ids(self.items.series[self.main.n_items :]).tie
        return np.concatenate([known, new + np.int32(len(known))])

    def _new(self, queries: Queries) -> F32:
        """Return the scores of the new items.  # (B, n_new)"""
        near = np.unique(self.like.indices).astype(np.int32)  # (m,)
        if not len(near):
            return np.full((len(queries), self.like.shape[0]), np.nan, np.float32)
        score = self.main.score(queries, np.repeat(near[None], len(queries), axis=0))  # (B, m)
        weight = csr_matrix(
            (self.like.data, np.searchsorted(near, self.like.indices), self.like.indptr),
            shape=(self.like.shape[0], len(near)),
        )
        known = ~np.isnan(score)
        total = np.asarray((weight @ np.where(known, score, 0).T).T, np.float32)
        share = np.asarray((weight @ known.T.astype(np.float32)).T, np.float32)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(share > 0, total / share, np.float32(np.nan))

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        if item is None:
            return np.concatenate([self.main.score(queries), self._new(queries)], axis=1)
        score, new = self.main.score(queries, item), item >= self.main.n_items
        return np.where(new, picked(self._new(queries), item - self.main.n_items), score) if new.any() else score

    def recommend(
        self, queries: Queries, k: int, candidates: ItemLists | None = None, exclude: ItemLists | None = None
    ) -> Slates:
        n, new = self.main.n_items, self.like.shape[0]
        before, left_out = (None if x is None else x.where(x.item < n) for x in (candidates, exclude))
        first = self.main.recommend(queries, k, before, left_out)
        if not new:
            return first
        score = self._new(queries)
        if candidates is not None:
            allowed = np.zeros(score.shape, np.bool_)
            of_new = candidates.where(candidates.item >= n)
            allowed[of_new.row, of_new.item - n] = True
            score = np.where(allowed, score, np.float32(np.nan))
        return self._best(first, score, k, exclude)

    def _best(self, first: Slates, score: F32, k: int, exclude: ItemLists | None) -> Slates:
        """Return the best of slates of known items and of the scores of the new ones."""
        if np.isnan(score).all():
            return first
        new = np.arange(self.main.n_items, self.n_items, dtype=np.int32)
        item = np.concatenate([first.item, np.repeat(new[None], len(score), axis=0)], axis=1)
        both = np.concatenate([first.score, score], axis=1)
        return Slates(*topk_dense(both, k, self.tie, item=item, exclude=exclude))

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        """Return what the known items that stand for a new one owe, in their shares."""
        of = np.arange(len(item), dtype=np.int64) if of is None else of
        n = self.main.n_items
        known, new = np.flatnonzero(item < n), np.flatnonzero(item >= n)
        if isinstance(self.main, Explains) and not len(new):
            return self.main.explain(queries, item, of)
        which, near, weight = entries(self.like, item[new] - n)
        pair = np.concatenate([known, new[which]])  # a known item stands for itself
        order = np.argsort(pair, kind="stable")
        pair, near = pair[order], np.concatenate([item[known], near])[order]
        weight = np.concatenate([np.ones(len(known), np.float32), weight])[order]
        score = np.empty(len(near), np.float32)
        for b in np.unique(of):
            rows = np.flatnonzero(of[pair] == b)
            score[rows] = self.main.score(queries.rows(np.array([b])), near[None, rows])[0]
        weight = np.where(np.isnan(score), 0, weight)
        total = np.bincount(pair, weight, len(item))
        weight = (weight / np.maximum(total[pair], 1e-12)).astype(np.float32)
        keep = weight > 0
        pair, near, weight, score = pair[keep], near[keep], weight[keep], score[keep]
        if not isinstance(self.main, Explains):
            return Contributions.whole(np.bincount(pair, weight * score, len(item)).astype(np.float32))
        parts = self.main.explain(queries, near, of[pair])
        count = np.bincount(pair[parts.row], minlength=len(item)).astype(np.int64)
        return Contributions(offsets(count), parts.item, parts.weight * weight[parts.row], parts.reason, parts.reasons)

    def similar(self, item: I32, k: int) -> Slates:
        """Return the items most like each: as the model sees the known ones, the new ones by content, on its scale."""
        slates = alike(self.main, item, k)
        if self.content is None:
            return slates
        n = self.main.n_items
        known = np.flatnonzero(item < n)
        near = self.content.features[item] @ self.content.features.T  # (B, n_items)
        score = np.asarray(near.todense(), np.float32)
        score[score <= 0] = np.nan
        score[known, :n] = np.nan
        if len(known):
            best = np.nanmax(np.where(slates.item >= 0, slates.score, np.nan), axis=1, initial=0)[known]
            score[known] *= np.where(best > 0, best, 1)[:, None]
            row, column = np.nonzero(slates.item >= 0)
            score[row, slates.item[row, column]] = slates.score[row, column]
        return most_like(item, score, k, self.tie)


def nearest(content: ItemFeatures, item: I32, n: int) -> CSR:
    """Return for each item the NEAR of the first n that are most like it, by cosine.  # (len(item), n)"""
    features = content.features
    near = features[item] @ features[:n].T  # (M, n) CSR
    indptr, indices, data = [0], [], []
    for row in range(len(item)):
        at = slice(near.indptr[row], near.indptr[row + 1])
        value, where = near.data[at], near.indices[at]
        best = np.argpartition(-value, NEAR)[:NEAR] if len(value) > NEAR else np.arange(len(value))
        order = np.sort(where[best])
        indices.append(order)
        data.append(value[best][np.argsort(where[best])])
        indptr.append(indptr[-1] + len(best))
    return csr_matrix(
        (
            np.concatenate([np.empty(0, np.float32), *data]).astype(np.float32),
            np.concatenate([np.empty(0, np.int32), *indices]).astype(np.int32),
            np.array(indptr, np.int32),
        ),
        shape=(len(item), n),
    )
