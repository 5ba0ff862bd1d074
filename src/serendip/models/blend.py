"""The fitted shape of hybrids: several models, and how much each counts by how much is known of the user."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import polars as pl

from serendip.arrays import F32, I32, I64, offsets
from serendip.data.ids import Ids
from serendip.data.queries import Queries
from serendip.data.slates import Contributions, Slates, picked
from serendip.models.contract import SCORES, Explains, Extends, Model
from serendip.models.likeness import alike, most_like
from serendip.models.standardscore import moments


class Part(NamedTuple):
    """What a child adds: scale * score + shift, or low where it knows nothing of an item."""

    child: Model
    score: F32  # (B, n_items)
    scale: F32  # (B, 1), as are the next two
    shift: F32
    low: F32


class Told(NamedTuple):
    """Parts of explanations: of which score, owed to which item, how much, and why."""

    pair: I64  # (N,), as are the next three
    item: I32
    weight: F32
    reason: I32


@dataclass(frozen=True)
class Blend(Model):
    """score(u, i) = sum over the children c of weight_c z_c(u, i), z being the child's score made comparable.

    z is the score less its mean over the items that the child knows, divided by their standard deviation, for each
    query on its own; an item that the child knows nothing of gets its lowest z, and a child that knows no item at all
    is left out. Where one child counts alone its scores are taken as they are. An item that no child knows scores NaN.
    weights (n_levels, n_children): a query is on the first level whose least number of interactions `least`
    (n_levels,), descending, its history reaches, and falls to the next where no child of that level knows anything.
    """

    children: tuple[Model, ...]
    weights: F32
    least: I64

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        score = np.full((len(queries), self.n_items if item is None else item.shape[1]), np.nan, np.float32)
        step = max(1, SCORES // max(self.n_items * len(self.children), 1))
        for b in range(0, len(queries), step):
            rows = slice(b, b + step)
            for at, parts in self._answers(queries.rows(rows)):
                score[b + at] = picked(mixed(parts), None if item is None else item[rows][at])
        return score

    def _answers(self, queries: Queries) -> list[tuple[I64, list[Part]]]:
        """Return the queries that each level answers, and what its children add.

        For one query it is kept until the next comes: a slate is scored, and then explained.
        """
        if len(queries) != 1:
            return self._answered(queries)
        last: tuple[Queries, list[tuple[I64, list[Part]]]] | None = self.__dict__.get("_last")
        if last is None or last[0] is not queries:
            last = self.__dict__["_last"] = queries, self._answered(queries)
        return last[1]

    def _answered(self, queries: Queries) -> list[tuple[I64, list[Part]]]:
        count = np.diff(queries.history.matrix(self.rules, self.n_items).indptr)
        waiting, answers = np.arange(len(queries)), []
        for level, least in enumerate(self.least):
            rows = waiting[count[waiting] >= least]
            if not len(rows):
                continue
            parts = self._parts(queries if len(rows) == len(queries) else queries.rows(rows), self.weights[level])
            some = np.any([~np.isnan(part.score).all(axis=1) for part in parts], axis=0)  # (B,)
            if some.all():
                answers.append((rows, parts))
            else:
                answers.append((rows[some], [Part(p.child, *(a[some] for a in p[1:])) for p in parts]))
            waiting = np.setdiff1d(waiting, rows[some])
        return answers

    def _parts(self, queries: Queries, weights: F32) -> list[Part]:
        counting, parts, n = np.flatnonzero(weights), [], len(queries)
        for c in counting:
            score = np.full((n, self.n_items), np.nan, np.float32)  # a child may not know the newest items
            score[:, : self.children[c].n_items] = self.children[c].score(queries)
            scale, shift = np.full((n, 1), weights[c], np.float32), np.zeros((n, 1), np.float32)
            low = np.full((n, 1), np.nan, np.float32)
            if len(counting) > 1:
                none = np.isnan(score)
                mean, variance = moments(score)
                scale = np.where(variance > 0, weights[c] / np.sqrt(np.maximum(variance, 1e-30)), 0).astype(np.float32)
                shift = (-scale * mean).astype(np.float32)
                some = ~none.all(axis=1, keepdims=True)
                least = np.where(none, np.inf, score).min(axis=1, keepdims=True, initial=np.inf)
                low = np.where(some, scale * np.where(some, least, 0) + shift, 0).astype(np.float32)
            parts.append(Part(self.children[c], score, scale, shift, low))
        return parts

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        """Return the contributions of the children, each by its scale; a part without an item is owed to none."""
        of = np.arange(len(item)) if of is None else of
        told: list[Told] = []
        reasons: list[str] = ["overall"]
        for at, parts in self._answers(queries):
            pair = np.flatnonzero(np.isin(of, at))  # (P,), into item
            row = np.searchsorted(at, of[pair])  # (P,), into at
            part = queries if len(at) == len(queries) else queries.rows(at)
            for child, score, scale, shift, low in parts:
                value = score[row, item[pair]]
                rest = np.where(np.isnan(value), low[row, 0], shift[row, 0])
                known = np.flatnonzero(~np.isnan(value))
                if isinstance(child, Explains):
                    found = child.explain(part, item[pair[known]], row[known])
                    owner = known[found.row]
                    weight = found.weight * scale[row[owner], 0]
                    told.append(Told(pair[owner], found.item, weight, found.reason + len(reasons)))
                    reasons.extend(found.reasons)
                else:
                    rest[known] += scale[row[known], 0] * value[known]
                some = np.flatnonzero(rest)
                none = np.full(len(some), -1, np.int32)
                told.append(Told(pair[some], none, rest[some], np.zeros(len(some), np.int32)))
        pair = np.concatenate([np.empty(0, np.int64), *(t.pair for t in told)])
        order = np.argsort(pair, kind="stable")
        return Contributions(
            offsets(np.bincount(pair, minlength=len(item))),
            np.concatenate([np.empty(0, np.int32), *(t.item for t in told)])[order].astype(np.int32),
            np.concatenate([np.empty(0, np.float32), *(t.weight for t in told)])[order].astype(np.float32),
            np.concatenate([np.empty(0, np.int32), *(t.reason for t in told)])[order].astype(np.int32),
            tuple(reasons),
        )

    def similar(self, item: I32, k: int) -> Slates:
        """Return the items most like each in the eyes of the children that compare items, by their weights."""
        total = np.zeros((len(item), self.n_items), np.float32)
        for child, weight in zip(self.children, self.weights.max(axis=0), strict=True):
            found = alike(child, item, max(100, 2 * k))
            best = np.nanmax(np.where(found.item >= 0, found.score, 1e-9), axis=1, keepdims=True, initial=1e-9)
            share = np.where(found.item >= 0, found.score / best, 0)
            np.add.at(total, (np.arange(len(item))[:, None], np.maximum(found.item, 0)), weight * share)
        total[total <= 0] = np.nan
        return most_like(item, total, k, self.items.tie)

    def extend(self, items: Ids, item_features: pl.DataFrame) -> "Blend":
        """Return the blend with the new items for those children that take them up; the others know nothing of them."""
        children = tuple(c.extend(items, item_features) if isinstance(c, Extends) else c for c in self.children)
        return replace(self, items=items, children=children)


def mixed(parts: list[Part]) -> F32:
    """Return the sum of what the children add, NaN where none knows an item.  # (B, n_items)"""
    total: F32 = np.zeros_like(parts[0].score)
    for part in parts:
        total += np.where(np.isnan(part.score), part.low, part.score * part.scale + part.shift)
    total[np.isnan([part.score for part in parts]).all(axis=0)] = np.nan
    return total
