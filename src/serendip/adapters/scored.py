"""Any object that scores items, as a model: `score(queries)` is all that it needs."""

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np

from serendip.arrays import F32, I32
from serendip.data.dataset import Dataset
from serendip.data.queries import Queries
from serendip.data.slates import picked
from serendip.errors import UserError
from serendip.evaluation.protocol import Recommends
from serendip.models.contract import Model
from serendip.plural import counted


@dataclass(frozen=True)
class Scored(Model):
    """score(q, i) = what the object says; slates follow from it. It lives in this process and is not kept.

    source: has `score(queries)`, (B, n_items), NaN where it knows nothing; it may take `item` (B, m) beside.
    """

    source: Any

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        if item is not None and "item" in inspect.signature(self.source.score).parameters:
            return self._numbers(self.source.score(queries, np.where(item < self.n_items, item, np.int32(-1))))
        score = self._numbers(self.source.score(queries))  # (B, n_items)
        if score.shape != (len(queries), self.n_items):
            raise UserError(
                f"{named(self.source)}.score gave {' x '.join(map(str, score.shape))} scores for "
                f"{counted(len(queries), 'query', 'queries')} and {counted(self.n_items, 'item')}: it is to give one "
                "for each item of each query"
            )
        return picked(score, item)

    def _numbers(self, score: Any) -> F32:
        try:
            return np.asarray(score, np.float32)
        except (TypeError, ValueError):
            raise UserError(
                f"{named(self.source)}.score gave what is no array of numbers: it is to give one for each item of each "
                "query, NaN where it knows nothing"
            ) from None


def adopted(source: object, data: Dataset) -> Recommends:
    """Return an object as something that makes slates: as it is where it does, else by its scores.

    Raises:
        UserError: it has neither `recommend` nor `score`.
    """
    if isinstance(source, Recommends):
        return source
    if not callable(getattr(source, "score", None)):
        raise UserError(
            f"{named(source)} is no model: a model has score(queries) or recommend(queries, k); for one of another "
            "library see serendip.adapters"
        )
    return Scored(data.users, data.items, data.fitted_rules, source)


def named(source: object) -> str:
    """Return what an object is called: its own name, else that of its class."""
    for name in ("name", "algorithm"):
        said = getattr(source, name, None)
        if isinstance(said, str) and said:
            return said
    return type(source).__name__
