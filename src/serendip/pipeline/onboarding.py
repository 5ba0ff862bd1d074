"""Which question to ask a newcomer next: the information that it brings times the chance that it can be answered.

The newcomer is of one of the classes of `models/classes.py`; what is wanted is the vector of the chances to like each
item. A question is worth the variance of that vector which knowing "likes it" or not explains. Rashid et al., "Getting
to Know You", IUI 2002, doi:10.1145/502716.502737, weigh popularity and entropy in this way; answers are adapted to
along a tree by Golbandi, Koren and Lempel, "Adaptive bootstrapping of recommender systems using decision trees", WSDM
2011, doi:10.1145/1935826.1935910, and by the posterior over the classes here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, F64, I32, I64
from serendip.data.queries import ask
from serendip.models.classes import Classes
from serendip.models.contract import Model

LIKE, DISLIKE, UNKNOWN = 1, -1, 0
BEST_KNOWN = 300  # items that may be asked about
SAMPLE = 100  # well known items that tell the unit of a recommender's scores
ENOUGH = 2  # answers that tell something, until which the best known items are asked about
MAIN = 0.25  # what the recommender's score counts beside what the classes expect, each in its unit
Answers = Mapping[int, int]  # index of an item, or n_items + that of a tag -> LIKE, DISLIKE or UNKNOWN


@dataclass(frozen=True)
class Onboarding:
    """Chooses questions about items, and about tags where `tags` says so; never about the banned items."""

    classes: Classes
    tags: bool = False
    items: bool = True
    banned: I32 = field(default_factory=lambda: np.empty(0, np.int32))

    @cached_property
    def candidates(self) -> I32:
        """What may be asked: the best known items that are not banned, and the tags; indices of rows.  # (C,)"""
        model = self.classes
        found = np.empty(0, np.int32)
        if self.items:
            known = model.known.copy()
            known[self.banned[self.banned < len(known)]] = -1  # an item may be newer than the classes
            order = np.argsort(-known, kind="stable")[:BEST_KNOWN]
            found = order[known[order] > 0].astype(np.int32)
        if self.tags:
            found = np.append(found, model.n_items + np.arange(len(model.tags), dtype=np.int32))
        return found

    def posterior(self, answers: Answers) -> F32:
        """Return the chance of each class after some answers.  # (n_classes,)"""

        def said(*which: int) -> CSR:
            at = [row for row, answer in answers.items() if answer in which]
            ones = np.ones(len(at), np.float32)
            return csr_matrix((ones, (np.zeros(len(at), np.int64), at)), shape=(1, len(self.classes.knows)))

        return np.asarray(self.classes.posterior(said(LIKE, DISLIKE), said(LIKE), said(UNKNOWN))[0])

    def worth(self, posterior: F32) -> F64:
        """Return what a question about each candidate is worth: explained variance times P(known).  # (C,)

        With d the covariance of "likes it" with the class and W that of the wanted chances between classes, it is
        d W d' / Var(likes it) P(known).
        """
        p = posterior.astype(np.float64)
        knows = self.classes.knows[self.candidates].astype(np.float64)  # (C, n_classes)
        likes = knows * self.classes.likes[self.candidates]
        g = self.classes.gram @ p
        w = self.classes.gram - g[:, None] - g[None, :] + p @ g  # (n_classes, n_classes)
        liked = likes @ p  # (C,)
        d = (likes - liked[:, None]) * p
        explained = ((d @ w) * d).sum(axis=1) / (liked * (1 - liked) + 1e-12)
        return np.asarray(np.maximum(explained, 0) * (knows @ p))

    @cached_property
    def first(self) -> float:
        """What the best question is worth before any answer; the unit in which the others are told."""
        return float(self.worth(self.classes.pi).max(initial=0.0))

    def next(self, answers: Answers, n: int = 1) -> tuple[I64, F64]:
        """Return the best n questions after some answers, and what each is worth, the best of all at first being 1.

        Until ENOUGH answers tell something the best known items come first: few answers say little of the class, and
        what is known to most is answered most.

        -> rows (at most n,), worth.
        """
        if not len(self.candidates) or self.first <= 0:
            return np.empty(0, np.int64), np.empty(0)
        worth = self.worth(self.posterior(answers)) / self.first
        worth[np.isin(self.candidates, list(answers))] = -1
        order = np.argsort(-worth, kind="stable")
        if self.items and sum(answer != UNKNOWN for answer in answers.values()) < ENOUGH:
            order = np.sort(order)  # candidates are in the order of how well known they are
        order = order[worth[order] > 0][:n]
        return self.candidates[order].astype(np.int64), worth[order]


def unit(model: Model, classes: Classes) -> float:
    """Return what a recommender's best score is worth for somebody who likes one well known item: the median."""
    known = np.argsort(-classes.known, kind="stable")[:SAMPLE]
    one = ask([[int(i)] for i in known])
    best = model.recommend(one, 1, exclude=one.history.lists).score[:, 0]
    best = best[np.isfinite(best) & (best > 0)]
    return float(np.median(best)) if len(best) else 1.0


def blended(score: F32, expected: F32, unit: float) -> F32:
    """Return the score of a slate after few answers: of what the classes expect, and of the recommender.

    The best of `expected` is one unit; `unit` is one of the recommender's, which counts MAIN. NaN counts as the least.
    # (n,), (n,) -> (n,)
    """
    both = np.zeros(len(expected), np.float32)
    for part, weight in ((expected, 1 / max(float(np.nanmax(expected, initial=0)), 1e-12)), (score, MAIN / unit)):
        there = np.isfinite(part)
        if there.any():
            both += np.float32(weight) * np.where(there, part, part[there].min())
    return both
