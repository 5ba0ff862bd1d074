"""The fitted shape of contextual pre-filtering: a model of everything, and one of what happened in each context."""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from serendip.arrays import F32, I32, I64, ItemLists
from serendip.data.ids import Ids
from serendip.data.queries import Queries
from serendip.data.slates import Slates
from serendip.models.blend import Blend
from serendip.models.contract import Extends, Model
from serendip.models.fields import Field


@dataclass(frozen=True)
class ByContext(Model):
    """score(q, i) = (1 - s_c) z(q, i) + s_c z_c(q, i), z of the whole and z_c of the model of q's context, as in Blend.

    A question whose context is not known, or had too few events, is answered by the whole alone. codes (n_parts,): the
    values of the field that have a model, in the order of parts; share (n_parts,): s_c.
    """

    field: Field
    whole: Model
    parts: tuple[Model, ...]
    codes: I32
    share: F32

    def _answering(self, queries: Queries) -> list[tuple[I64, Model]]:
        """Return the models that answer, each with its questions."""
        code = code_of(self.field, queries)
        by = [(np.flatnonzero(code == c), self._blend(n)) for n, c in enumerate(self.codes)]
        return [(np.flatnonzero(~np.isin(code, self.codes)), self.whole), *by]

    def _blend(self, n: int) -> Model:
        weights = np.array([[1 - self.share[n], self.share[n]]], np.float32)
        children = (self.whole, self.parts[n])
        return Blend(self.users, self.items, self.rules, children, weights, np.zeros(1, np.int64))

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        score = np.full((len(queries), self.n_items if item is None else item.shape[1]), np.nan, np.float32)
        for at, model in self._answering(queries):
            if len(at):
                score[at] = model.score(queries.rows(at), None if item is None else item[at])
        return score

    def recommend(
        self, queries: Queries, k: int, candidates: ItemLists | None = None, exclude: ItemLists | None = None
    ) -> Slates:
        slates = Slates.empty(len(queries), k)
        for at, model in self._answering(queries):
            if len(at):
                some, out = (None if lists is None else lists.rows(at) for lists in (candidates, exclude))
                found = model.recommend(queries.rows(at), k, some, out)
                slates.item[at], slates.score[at] = found.item, found.score
        return slates

    def extend(self, items: Ids, item_features: pl.DataFrame) -> "ByContext":
        """Return the model with the new items, for those of its models that take them up."""
        whole, *parts = (
            m.extend(items, item_features) if isinstance(m, Extends) else m for m in (self.whole, *self.parts)
        )
        if whole is self.whole:
            return self
        return replace(self, items=items, whole=whole, parts=tuple(parts))


def code_of(field: Field, queries: Queries) -> I32:
    """Return which value of the field each question has, 0 where it is not known.  # (B,)"""
    return field.encode(field.asked(queries), len(queries)).indices.astype(np.int32)
