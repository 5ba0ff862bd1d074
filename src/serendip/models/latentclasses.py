"""LatentClasses: every user is of one of a few classes, each with its own chances to know an item and to like it.

Lazarsfeld and Henry, "Latent Structure Analysis", 1968; fitted by EM, its weights tempered as in Ueda and Nakano,
"Deterministic annealing EM algorithm", Neural Networks 11(2), 1998, doi:10.1016/S0893-6080(97)00133-0.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix, hstack

from serendip.arrays import CSR, F64
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.models.classes import Classes, answered
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.hyperparameter import hyper

TAGS = 100  # tags at most, the commonest


@dataclass(frozen=True)
class LatentClasses(Algorithm):
    """P(answers) = sum_c pi_c prod_i P(a_i | c), where a_i says of item i: not known, liked or disliked.

    An item that somebody took or rated is known; it is liked where the interaction rules give it a weight. Tags, the
    entries of the items' list attributes, are answered by what was taken of them, see `tastes`.
    O(epochs interactions classes) time, 8 classes (n_users + 4 n_items) bytes.

    Use it to choose what a newcomer is asked: it is what an onboarding questionnaire reckons with. Not as a recommender
    of its own, for which it is coarse.

    >>> import serendip
    >>> from serendip.models.latentclasses import LatentClasses
    >>> item = "tent lamp rope axe".split() * 12 + "pen ink pad glue".split() * 8  # twelve campers, eight writers
    >>> model = LatentClasses(classes=2).fit(serendip.read({"user": [n // 4 for n in range(80)], "item": item}))
    >>> model.items.series.filter(model.knows.argmax(axis=1) == model.knows[0].argmax()).to_list()
    ['tent', 'lamp', 'rope', 'axe']
    """

    name: ClassVar[str] = "latentclasses"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})

    classes: int = hyper(20, "How many classes of users.", low=1, high=1000)
    epochs: int = hyper(30, "Passes of EM over the users.", low=1, high=1000)
    evidence: float = hyper(
        10.0, "Items that a user's history counts as at most: the less, the more classes a user shares in.",
        low=0.1, high=1e6, log=True,
    )  # fmt: skip
    shrinkage: float = hyper(
        20.0, "How many users' worth of everybody's chances go into those of a class.", low=0, high=1e6
    )
    users: int = hyper(50_000, "Users that are learned from, drawn at random where there are more.", low=1, high=1e9)

    def fit(self, data: Dataset, *, run: Run = Run()) -> Classes:
        learnable(data, self.name)
        known, liked = answered(data.history, data.fitted_rules, data.n_items)  # (n_users, n_items) of ones
        seen = np.asarray(known.sum(axis=0)).ravel() > 0
        generator = np.random.default_rng(run.seed)
        there = np.flatnonzero(np.diff(known.indptr))
        there = np.sort(generator.permutation(there)[: self.users])
        known, liked = known[there], liked[there]
        n, rated = known.shape[0], bool(known.nnz > liked.nnz)
        share = generator.dirichlet(np.full(self.classes, 0.3), n)  # (n, classes): P(c | user)
        for epoch in range(self.epochs):
            pi, knows, likes = maximised(known, liked, share, self.shrinkage)
            share = tempered(known, liked, pi, knows, likes, self.evidence)
            run.report(f"{self.name}: epochs", epoch + 1, self.epochs)
        tags, members = tagged(data.item_features, data.n_items)
        met, fond = tastes(liked, members)
        pi, knows, likes = maximised(csr_matrix(hstack([known, met])), csr_matrix(hstack([liked, fond])), share,
                                     self.shrinkage)  # fmt: skip
        arrays = (pi.astype(np.float32), knows.astype(np.float32), likes.astype(np.float32))
        return Classes(data.users, data.items, data.fitted_rules, *arrays, seen, Ids(tags), rated)


def maximised(known: CSR, liked: CSR, share: F64, shrinkage: float) -> tuple[F64, F64, F64]:
    """Return the sizes of the classes and their chances, given who shares in which: the M step.

    -> pi (classes,); knows, likes (n_items, classes), between 0 and 1.
    """
    n, classes = share.shape
    size = share.sum(axis=0)  # (classes,)
    knew, took = known.T @ share, liked.T @ share  # (n_items, classes)
    all_knew, all_took = knew.sum(axis=1), took.sum(axis=1)
    of_all = ((all_knew + 0.5) / (n + 1))[:, None], ((all_took + 1) / (all_knew + 2))[:, None]
    strength = max(shrinkage, 1e-9)
    knows = (knew + strength * of_all[0]) / (size + strength)
    likes = (took + strength * of_all[1]) / (knew + strength)
    return (size + 1) / (n + classes), np.clip(knows, 1e-6, 1 - 1e-6), np.clip(likes, 1e-3, 1 - 1e-3)


def tempered(known: CSR, liked: CSR, pi: F64, knows: F64, likes: F64, evidence: float) -> F64:
    """Return each user's share in the classes, the E step: the likelihood is tempered to that of `evidence` items.

    -> (n, classes).
    """
    unknown, disliked = np.log1p(-knows), np.log1p(-likes)
    log = known @ (np.log(knows) - unknown + disliked) + liked @ (np.log(likes) - disliked)
    log += unknown.sum(axis=0) + np.log(pi)
    count = np.diff(known.indptr)[:, None]
    log *= np.minimum(1, evidence / np.maximum(count, 1))
    log -= log.max(axis=1, keepdims=True)
    share = np.exp(log)
    return np.asarray(share / share.sum(axis=1, keepdims=True), np.float64)


def tagged(features: pl.DataFrame | None, n_items: int) -> tuple[list[str], CSR]:
    """Return the tags that lists in the items' attributes hold, the commonest first, and who has them as ones.

    -> n_tags names; (n_items, n_tags).
    """
    lists = [] if features is None else [c for c in features.columns if isinstance(features[c].dtype, pl.List)]
    if features is None or not lists:
        return [], csr_matrix(np.zeros((n_items, 0), np.float32))
    rows = pl.Series("item", np.arange(n_items))
    column = pl.concat([
        pl.DataFrame({"item": rows, "tag": features[c].cast(pl.List(pl.String))}).explode("tag") for c in lists
    ])  # fmt: skip
    found = column.drop_nulls().unique(maintain_order=True)
    count = found.group_by("tag").len().filter(pl.col("len") > 1).sort("len", "tag", descending=[True, False])
    tags: list[str] = count["tag"].head(TAGS).to_list()
    found = found.filter(pl.col("tag").is_in(tags))
    at = Ids(tags).index(found["tag"])
    ones = np.ones(len(found), np.float32)
    return tags, csr_matrix((ones, (found["item"].to_numpy(), at)), shape=(n_items, len(tags)))


def tastes(liked: CSR, members: CSR) -> tuple[CSR, CSR]:
    """Return which tags users know, and which of them they like, as ones: (n, n_tags) twice.

    Who took more of a tag than people do on average likes it; who took less, though two could be expected, does not.
    """
    took = np.asarray((liked @ members).todense(), np.float64)  # (n, n_tags)
    every = np.asarray(liked.sum(axis=1), np.float64).reshape(-1, 1)
    expected = every * took.sum(axis=0) / max(float(every.sum()), 1)
    fond = took > expected
    return csr_matrix((fond | (expected >= 2)).astype(np.float32)), csr_matrix(fond.astype(np.float32))
