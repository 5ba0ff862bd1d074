"""The fitted shape of latent classes: how large each is, and its chances to know each item and to like it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, F64, I32, Bool
from serendip.data.ids import Ids
from serendip.data.interactions import InteractionRules
from serendip.data.queries import History, Queries
from serendip.data.slates import picked
from serendip.models.contract import Model


@dataclass(frozen=True)
class Classes(Model):
    """score(u, i) = P(u knows i and likes it | u's history) = sum_c P(c | history) knows_ic likes_ic.

    pi (n_classes,): how large each class is; knows, likes (n_items + n_tags, n_classes) float32: the chance to know an
    item or a tag, and to like it once known; seen (n_items,): whether anybody did know it; tags (n_tags,); rated:
    whether there were dislikes to learn from;
    unit: what the best score of the recommender beside it is for somebody who likes one well known item.
    """

    pi: F32
    knows: F32
    likes: F32
    seen: Bool
    tags: Ids
    rated: bool
    unit: float = 1.0

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        known, liked = answered(queries.history, self.rules, self.n_items)
        n = len(self.knows)  # items, then tags, of which a history says nothing
        posterior = self.posterior(widened(known, n), widened(liked, n))  # (B, n_classes)
        expected = self.expected(posterior)  # (B, n_items)
        return picked(expected, item)

    def posterior(self, known: CSR, liked: CSR, unknown: CSR | None = None) -> F32:
        """Return the chance of each class by what users said: ones (B, n_items + n_tags).  # (B, n_classes)

        What a history does not hold says nothing: that is unknown only of which somebody has said so.
        """
        disliked = np.log1p(-self.likes)
        log = known @ (np.log(self.knows) + disliked) + liked @ (np.log(self.likes) - disliked) + np.log(self.pi)
        if unknown is not None:
            log = log + unknown @ np.log1p(-self.knows)
        log -= log.max(axis=1, keepdims=True)
        chance = np.exp(log)
        return np.asarray(chance / chance.sum(axis=1, keepdims=True), np.float32)

    @cached_property
    def known(self) -> F32:
        """The chance that anybody knows each item, -1 where nobody ever did.  # (n_items,)"""
        return np.where(self.seen, self.knows[: self.n_items] @ self.pi, np.float32(-1))

    @cached_property
    def gram(self) -> F64:
        """K'K for K_ic = knows_ic likes_ic, over all items.  # (n_classes, n_classes)"""
        wanted = (self.knows[: self.n_items] * self.likes[: self.n_items]).astype(np.float64)
        return np.asarray(wanted.T @ wanted)

    def expected(self, posterior: F32) -> F32:
        """Return the chance that each item is known and liked, NaN where nobody knew it.  # (B, n_items)"""
        chance = posterior @ (self.knows[: self.n_items] * self.likes[: self.n_items]).T
        return np.where(self.seen, chance, np.float32(np.nan)).astype(np.float32)


def answered(history: History, rules: InteractionRules, n_items: int) -> tuple[CSR, CSR]:
    """Return what histories know, and what of it they like, as ones: (B, n_items) twice.

    Whatever has an event is known; what the rules weigh above zero is liked.
    """
    liked = history.matrix(rules, n_items)
    liked.data = np.ones_like(liked.data)
    every = History(history.offset, history.item)
    known = every.matrix(InteractionRules(weights={}), n_items)
    known.data = np.ones_like(known.data)
    return known, liked


def widened(rows: CSR, n: int) -> CSR:
    """Return rows with empty columns added up to n.  # (B, n_items) -> (B, n)"""
    return csr_matrix((rows.data, rows.indices, rows.indptr), shape=(rows.shape[0], n))
