"""What each of several models would recommend, and the weights by which they do best together.

Caruana, Niculescu-Mizil, Crew, Ksikes, "Ensemble Selection from Libraries of Models", ICML 2004: models are added one
after the other, the same one again where it helps, as long as the blend gets better; the counts are the weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serendip.arrays import F32, F64, I32, I64, Bool, ItemLists
from serendip.data.queries import Queries
from serendip.kernels.topk import topk_dense
from serendip.metrics.ranking import ndcg
from serendip.models.contract import SCORES, Model
from serendip.models.standardscore import moments

DEEP = 100  # items of a vote; what stands lower counts as the last of them
ROUNDS = 25


@dataclass(frozen=True)
class Votes:
    """The best items of each query: item (B, n) int32 padded with -1, z (B, n) their standard scores, descending.

    The standard score is that of `Blend`: less the mean of the query's scores, over their standard deviation.
    """

    item: I32
    z: F32


def votes(model: Model, queries: Queries, exclude: ItemLists | None, n: int = DEEP) -> Votes:
    """Return the votes of a model; excluded items get none."""
    item, z = np.full((len(queries), n), -1, np.int32), np.full((len(queries), n), np.nan, np.float32)
    step = max(1, SCORES // max(4 * model.n_items, 1))
    for b in range(0, len(queries), step):
        at = slice(b, b + step)
        score = model.score(queries.rows(at))
        mean, variance = moments(score)
        out = None if exclude is None else exclude.rows(at)
        item[at], best = topk_dense(score, n, model.items.tie, exclude=out)
        z[at] = (best - mean) / np.sqrt(np.maximum(variance, 1e-30))
    return Votes(item, z)


@dataclass(frozen=True)
class Ballot:
    """The votes of M models on the items that any of them names.

    z (M, B, C): standard scores, -inf at the padding; relevant (B, C): which are; n_relevant (B,): how many there are.
    """

    z: F32
    relevant: Bool
    n_relevant: I64

    @staticmethod
    def of(given: Sequence[Votes], relevant: ItemLists) -> "Ballot":
        """Return the ballot of some votes on the same queries."""
        every = np.sort(np.concatenate([v.item for v in given], axis=1), axis=1)  # (B, M n)
        every[:, 1:][every[:, 1:] == every[:, :-1]] = -1
        every = -np.sort(-every, axis=1)  # padding last
        every = every[:, : max(int((every >= 0).sum(axis=1).max(initial=1)), 1)]  # (B, C)
        b = len(every)
        stride = int(max(every.max(initial=0), relevant.item.max(initial=0))) + 1
        row = np.arange(b)[:, None] * stride
        key = np.where(every >= 0, row + every, -1)
        z = np.stack([placed(v, key, row) for v in given])
        z[:, every < 0] = -np.inf
        counts = np.diff(relevant.offset)
        truth = np.repeat(np.arange(b), counts) * stride + relevant.item
        return Ballot(z, np.isin(key, truth) & (every >= 0), counts)

    def rows(self, at: Bool) -> "Ballot":
        """Return the ballot of some queries."""
        return Ballot(self.z[:, at], self.relevant[at], self.n_relevant[at])

    def value(self, z: F32, k: int) -> F64:
        """Return NDCG@k of each query in the order of z.  # (B, C) -> (B,)"""
        k = min(k, z.shape[1])
        top = np.argpartition(-z, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(z, top, axis=1), axis=1, kind="stable")
        top = np.take_along_axis(top, order, axis=1)
        return ndcg(np.take_along_axis(self.relevant, top, axis=1), self.n_relevant, k)

    def blended(self, weights: F64) -> F32:
        """Return the sum of what the models give, by their weights.  # (M,) -> (B, C)"""
        total: F32 = np.full(self.relevant.shape, 0, np.float32)
        for m in np.flatnonzero(weights):
            total += np.float32(weights[m]) * self.z[m]
        return total

    def weights(self, k: int, most: int | None = None) -> F64:
        """Return the weight of each model, which sum to 1; at most `most` of them are above 0.  # (M,)"""
        counts, best = np.zeros(len(self.z)), np.zeros(len(self.z))
        total: F32 = np.zeros(self.relevant.shape, np.float32)
        highest = -np.inf
        for _ in range(ROUNDS):
            open_to = np.arange(len(self.z)) if most is None or np.count_nonzero(counts) < most else counts.nonzero()[0]
            means = [float(np.nanmean(self.value(total + self.z[m], k))) for m in open_to]
            chosen = open_to[int(np.argmax(means))]
            counts[chosen] += 1
            total = total + self.z[chosen]
            if max(means) > highest + 1e-9:
                highest, best = max(means), counts.copy()
        found: F64 = best / best.sum()
        return found


def placed(given: Votes, key: I64, row: I64) -> F32:
    """Return a model's standard scores at the items of a ballot; where it has no vote, its last one.  # (B, C)"""
    some = given.item >= 0
    mine = np.where(some, row + given.item, -1).ravel()
    order = np.argsort(mine, kind="stable")
    at = np.minimum(np.searchsorted(mine[order], key), len(mine) - 1)
    found = mine[order][at] == key
    last = np.where(some.any(axis=1), np.nanmin(np.where(some, given.z, np.inf), axis=1, initial=np.inf), 0)[:, None]
    z: F32 = np.where(found, given.z.ravel()[order][at], last).astype(np.float32)
    return z
