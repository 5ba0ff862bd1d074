"""Measures beyond accuracy, gathered block by block of slates: what is shown, how known it is, how varied."""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from serendip.arrays import F64, I32, I64, Bool, offsets
from serendip.data.slates import Slates
from serendip.evaluation.measured import Measured, UserMean, Whole
from serendip.evaluation.task import Task
from serendip.metrics.diversity import diversity
from serendip.metrics.exposure import coverage, entropy, exposure, gini
from serendip.metrics.name import Metric
from serendip.metrics.popularity import history_mean, novelty, slate_mean
from serendip.metrics.serendipity import serendipity
from serendip.models.itemscores import ItemScores
from serendip.models.popular import Popular

TAKERS = 4_000_000  # users of items added up at once: some 100 MB
EXPOSURE = {"coverage": coverage, "gini": gini, "entropy": entropy}


class Beyond:
    """Takes slates in blocks and gives the measures at the end. Items are alike as far as the same users took them."""

    def __init__(self, task: Task, metrics: Sequence[Metric]) -> None:
        self.task = task
        self.metrics = metrics
        self.values: dict[Metric, F64] = {m: np.full(len(task), np.nan) for m in metrics if m.name not in EXPOSURE}
        self.shown: dict[Metric, I64] = {
            m: np.zeros(task.train.n_items, np.int64) for m in metrics if m.name in EXPOSURE
        }

    def add(self, at: slice, slates: Slates, hit: Bool) -> None:
        """Take the slates of some users and their hits.  # (b, k)"""
        for metric, count in self.shown.items():
            count += exposure(slates.item, len(count), metric.k or 1)
        for metric, value in self.values.items():
            value[at] = self.of_user(metric, at, slates.item, hit)

    def of_user(self, metric: Metric, at: slice, item: I32, hit: Bool) -> F64:
        """Return one value a user of a block.  # (b,)"""
        k = metric.k or 1
        match metric.name:
            case "novelty":
                return novelty(item, self.popularity, k)
            case "diversity":
                return self.diversity(item, k)
            case "serendipity":
                task = self.task
                candidates, exclude = (None if x is None else x.rows(at) for x in (task.candidates, task.exclude))
                popular = self.popular.recommend(task.queries.rows(at), k, candidates, exclude).item
                return serendipity(hit, item, popular, task.n_relevant[at], k)
            case "popularity_lift":
                return slate_mean(item, self.popularity, k)
        raise AssertionError(f"{metric} is in the catalogue of metrics and is not computed")

    def diversity(self, item: I32, k: int) -> F64:
        """Return the diversity of slates, a few at a time where their items have many takers.  # (b, k) -> (b,)"""
        taken = np.where(item[:, :k] >= 0, self.popularity[item[:, :k]], 0).sum(axis=1)
        part = np.cumsum(taken) // TAKERS  # (b,), rising
        edges = np.flatnonzero(np.r_[True, part[1:] != part[:-1], True])
        return np.concatenate([diversity(item[b:e], self.takers, k) for b, e in pairwise(edges)])

    def measured(self) -> dict[Metric, Measured]:
        """Return the measures over all slates that were taken."""
        n = len(self.task)
        found: dict[Metric, Measured] = {m: Whole(EXPOSURE[m.name](c), n) for m, c in self.shown.items()}
        for metric, value in self.values.items():
            if metric.name == "popularity_lift":  # mean(slate) / mean(history) - 1 as a weighted mean of user ratios
                past = self.past
                ratio = np.divide(value, past, out=np.full(n, np.nan), where=past > 0)
                found[metric] = UserMean(ratio, np.nan_to_num(past), lambda mean: mean - 1)
            else:
                found[metric] = UserMean(value)
        return found

    @cached_property
    def popularity(self) -> I64:
        """How many users took each item in the training part.  # (n_items,)"""
        matrix = self.task.train.matrix
        return np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.int64)

    @cached_property
    def takers(self) -> csr_array:
        """Which users took each item.  # (n_items, n_users)"""
        return csr_array(self.task.train.matrix.T.tocsr())

    @cached_property
    def popular(self) -> ItemScores:
        """The list that anyone would have made."""
        return Popular().fit(self.task.train)

    @cached_property
    def past(self) -> F64:
        """How popular the items of each user's history are on average.  # (B,)"""
        history = self.task.queries.history
        known = history.item < self.task.train.n_items
        return history_mean(offsets(known)[history.offset], history.item[known], self.popularity)
