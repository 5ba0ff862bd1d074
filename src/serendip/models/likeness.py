"""Which items are most like an item, itself left out: by likenesses, or by the directions of vectors."""

import numpy as np

from serendip.arrays import F32, I32, Bool, ItemLists
from serendip.data.slates import Slates
from serendip.kernels.topk import topk_dense
from serendip.models.contract import Model, Similar
from serendip.models.packed import Packed, topk


def alike(model: Model, item: I32, k: int) -> Slates:
    """Return the k items most like each in a model's eyes; none for an item newer than it, or where it compares none.

    (B,) -> (B, k)
    """
    slates = Slates.empty(len(item), k)
    known = np.flatnonzero(item < model.n_items)
    if isinstance(model, Similar) and len(known):
        found = model.similar(item[known], k)
        slates.item[known], slates.score[known] = found.item, found.score
    return slates


def most_like(item: I32, likeness: F32, k: int, tie: I32) -> Slates:
    """Return the k items of greatest likeness to each, itself left out; NaN: they are not alike.

    item (B,), likeness (B, n_items), tie (n_items,) -> (B, k)
    """
    return Slates(*topk_dense(likeness, k, tie, exclude=ItemLists.table(item[:, None])))


def nearest(item: I32, directions: F32 | Packed, known: Bool, k: int, tie: I32) -> Slates:
    """Return the k known items of greatest cosine to each, itself left out; none for an item that is not known.

    item (B,); directions (n_items, rank): vectors of length 1; known, tie (n_items,) -> (B, k)
    """
    bias = None if known.all() else np.where(known, 0, -np.inf).astype(np.float32)
    found, cosine = topk(directions[item], directions, bias, k, tie, exclude=ItemLists.table(item[:, None]))
    none = ~np.isfinite(cosine) | ~known[item][:, None]
    return Slates(np.where(none, np.int32(-1), found), np.where(none, np.float32(np.nan), cosine))
