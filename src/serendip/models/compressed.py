"""Models made small: factors and item weights in float16 or int8, item weights pruned, or an index over the items."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix, hstack

from serendip.arrays import CSR, F32, offsets
from serendip.errors import UserError, nearest
from serendip.models.blend import Blend
from serendip.models.contract import Embeds, Model
from serendip.models.factors import Factors
from serendip.models.indexed import Indexed
from serendip.models.itemweights import ItemWeights
from serendip.models.packed import BLOCK, Packed
from serendip.models.packedcsr import PackedCSR
from serendip.models.served import Served

Form = Literal["float16", "int8", "pruned", "ann"]
KEEP = 0.1  # share of the item weights that pruning keeps where nothing else is said


def compressed(model: Model, to: str, keep: float = KEEP) -> Model:
    """Return the model in another form: of the same shape, or with an index about it, and serving like any other.

    to: float16, int8, pruned or ann. keep: the share of its weights that pruning keeps of each item.

    Raises:
        UserError: there is no such form, the model has nothing to be brought into it, or it is in it already.
    """
    if to not in get_args(Form):
        raise UserError(
            f"a model is compressed to {', '.join(get_args(Form))}, not to {to!r}{nearest(to, get_args(Form))}"
        )
    if not 0 < keep <= 1:
        raise UserError(f"pruning keeps a share above 0 and at most 1 of the weights, not {keep:g}")

    def form(part: Model) -> Model | None:
        match part, to:
            case Factors(), "float16" | "int8" if not isinstance(part.item_factors, Packed):
                x, y = (Packed.of(a[:], to) for a in (part.user_factors, part.item_factors))
                return replace(part, user_factors=x, item_factors=y)
            case ItemWeights(), "float16" | "int8" if not isinstance(part.weights, Packed | PackedCSR):
                w = part.weights
                return replace(part, weights=Packed.of(w, to) if isinstance(w, np.ndarray) else PackedCSR.of(w, to))
            case ItemWeights(), "pruned" if not isinstance(part.weights, Packed | PackedCSR):
                return replace(part, weights=pruned(part.weights, keep))
            case Embeds(), "ann" if not isinstance(part, Indexed):
                return Indexed.of(part)
        return None

    made = throughout(model, form)
    if made is None:
        what = {"pruned": "item weights, as itemknn and ease have", "ann": "factors, as als has"}
        raise UserError(
            f"there is nothing in this model to bring to {to}: that takes {what.get(to, 'factors or item weights')}, "
            "not compressed already"
        )
    return made


def throughout(model: Model, form: Callable[[Model], Model | None]) -> Model | None:
    """Return a model with every part in another form that has one; None where none has."""
    match model:
        case Served():
            main = throughout(model.main, form)
            similar = None if model.similar is None else throughout(model.similar, form)
            return None if main is None else replace(model, main=main, similar=similar or model.similar)
        case Blend():
            children = [throughout(child, form) for child in model.children]
            if all(child is None for child in children):
                return None
            return replace(model, children=tuple(a or b for a, b in zip(children, model.children, strict=True)))
    return form(model)


def pruned(weights: F32 | CSR, keep: float) -> CSR:
    """Return the weights of largest |w| of each column, a share `keep` of those that are not 0.  # (n, n)"""
    n = weights.shape[1]
    columns = weights if isinstance(weights, np.ndarray) else weights.tocsc()
    step = max(1, BLOCK // max(n, 1))
    parts = []
    for b in range(0, n, step):
        part = csc_matrix(columns[:, b : b + step])
        column = np.repeat(np.arange(part.shape[1]), np.diff(part.indptr))
        order = np.lexsort((-np.abs(part.data), column))
        count = np.diff(part.indptr)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order)) - part.indptr[:-1][column]
        best = place < np.ceil(keep * count)[column]
        indptr = offsets(best)[part.indptr]
        parts.append(csc_matrix((part.data[best], part.indices[best], indptr), shape=part.shape))
    return csr_matrix(hstack(parts, "csr", np.float32))
