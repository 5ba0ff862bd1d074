"""The first stage: candidates from each source, none of them an item that may not be shown."""

import numpy as np

from serendip.arrays import F32, I32, Bool, ItemLists
from serendip.data.queries import Queries
from serendip.data.slates import Slates
from serendip.errors import UserError, nearest
from serendip.models.contract import Model, Similar
from serendip.pipeline.made import Asked
from serendip.pipeline.pipeline import Pipeline
from serendip.pipeline.stages import Source

NARROW = 0.1  # where a smaller share of the items may be shown, the model is asked for these alone
LAST = 5  # items of a history whose similar items are candidates
ROLES = ("model", "fallback", "similar")  # sources that every published model has


def recommended(model: Model, queries: Queries, k: int, shut: Bool) -> Slates:
    """Return the k best items of each query that are not shut.  # shut (n,) -> (B, k)"""
    b, n = len(queries), min(model.n_items, len(shut))
    out = np.flatnonzero(shut[:n]).astype(np.int32)
    left = n - len(out)
    if left >= NARROW * n and left:
        return model.recommend(queries, k, exclude=repeated(out, b))
    if not left:
        return Slates.empty(b, k)
    return model.recommend(queries, k, candidates=repeated(np.flatnonzero(~shut[:n]).astype(np.int32), b))


def repeated(item: I32, b: int) -> ItemLists:
    """Return the same items for each of b queries."""
    return ItemLists.table(np.broadcast_to(item, (b, len(item))))


def all_of(slates: Slates) -> I32:
    """Return the items of slates, each once, ascending."""
    return np.unique(slates.item[slates.item >= 0]).astype(np.int32)


def scores(model: Model, queries: Queries, item: I32) -> F32:
    """Return what a model says of the same items for each query, NaN for items newer than it.  # (m,) -> (B, m)"""
    return model.score(queries, np.tile(item, (len(queries), 1)))


def candidates(pipeline: Pipeline, similar: Model | None, source: Source, asked: Asked, shut: Bool) -> I32:
    """Return the candidates of one source, ascending.

    `similar` gives what is like the item of the page, else like the last items of the history.

    Raises:
        UserError: there is no such source.
    """
    if source.model is None and source.name not in ROLES:
        raise UserError(f"there is no source of candidates {source.name!r}{nearest(source.name, ROLES)}")
    if source.name == "similar" and source.model is None:
        return like(similar, asked, source.k, shut)
    model = source.model or (pipeline.model if source.name == "model" else pipeline.fallback)
    return np.empty(0, np.int32) if model is None else all_of(recommended(model, asked.queries, source.k, shut))


def like(model: Model | None, asked: Asked, k: int, shut: Bool) -> I32:
    """Return what is like the item of a page, else like the last items of a history."""
    of = [asked.item] if asked.item >= 0 else asked.queries.history.item[-LAST:].tolist()
    known = [one for one in dict.fromkeys(of) if model is not None and 0 <= one < model.n_items]
    if not known or not isinstance(model, Similar):
        return np.empty(0, np.int32)
    item = all_of(model.similar(np.array(known, np.int32), k))
    found: I32 = item[~shut[item]]
    return found
