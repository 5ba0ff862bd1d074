"""One score of several people, or of an item's page and its viewer, out of scores that compare within one query only.

Masthoff, "Group recommender systems: aggregation, satisfaction and group attributes", in: Recommender Systems Handbook,
2nd edition, 2015; least misery: O'Connor et al., "PolyLens", ECSCW 2001.
"""

import numpy as np

from serendip.arrays import F32, I32
from serendip.data.queries import Queries
from serendip.models.contract import Model
from serendip.models.likeness import alike
from serendip.pipeline.made import Asked, Scored, Term

EQUAL = 1e-4  # scores that differ by a smaller share may do so by rounding alone


def spread(value: F32) -> tuple[F32, F32]:
    """Return scale and shift that bring each row to 0..1, over what it knows.  # (B, m) -> (B, 1), (B, 1)

    A row of equal scores comes to 1, a row that knows nothing has scale and shift 0.
    """
    known = ~np.isnan(value)
    low = np.where(known, value, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    high = np.where(known, value, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    some = known.any(axis=1, keepdims=True)
    width = np.where(some, high - np.where(some, low, 0), 0)
    width[width <= EQUAL * np.where(some, np.maximum(np.abs(low), np.abs(high)), 0)] = 0
    scale = np.divide(1, width, out=np.zeros_like(width), where=width > 0).astype(np.float32)
    shift = np.where(width > 0, -scale * np.where(some, low, 0), some).astype(np.float32)
    return scale, shift


def of_group(model: Model, queries: Queries, item: I32, value: F32, aggregate: str) -> Scored:
    """Return the items with what a group's members' scores, each scaled to 0..1, come to.  # value (B, m)

    average: their mean; least-misery: the lowest; most-pleasure: the highest. An item that a member's model knows
    nothing of is 0 for that member; a member of whom nothing at all is known does not count.
    """
    scale, shift = spread(value)
    known = ~np.isnan(value)
    z = np.where(known, scale * np.nan_to_num(value) + shift, 0).astype(np.float32)  # (B, m)
    counts = np.asarray(known.any(axis=1))  # (B,)
    b, m = value.shape
    share = np.zeros((b, m), np.float32)  # what of each member's score an item's is made of
    if counts.any() and m:
        if aggregate == "average":
            share[counts] = 1 / counts.sum()
        else:
            sign = 1 if aggregate == "least-misery" else -1
            who = np.argmin(np.where(counts[:, None], sign * z, np.inf), axis=0)
            share[who, np.arange(m)] = 1
    score = (share * z).sum(axis=0)
    score = np.where(known.any(axis=0), score, np.nan).astype(np.float32)
    terms = tuple(Term(model, queries.rows(slice(n, n + 1))) for n in range(b))
    weight, base = (share * scale * known).T, (share * shift * known).sum(axis=0)
    return Scored(item, score, terms, weight.astype(np.float32), base.astype(np.float32), np.zeros(m, np.float32))


def of_page(model: Model, similar: Model, asked: Asked, item: I32, value: F32, taste: float, k: int) -> Scored:
    """Return the items with (1 - taste) likeness to the item of the page + taste what the viewer's model says.

    Both are scaled to 0..1 over the items; without a history likeness counts alone. What nothing is known of is NaN.
    """
    likeness = np.full((1, len(item)), np.nan, np.float32)
    got = alike(similar, np.array([asked.item], np.int32), k)
    _, place, of = np.intersect1d(item, got.item[0], return_indices=True)
    likeness[0, place] = got.score[0][of]
    viewer = value[:1] if len(asked.queries.history.item) else np.full_like(value[:1], np.nan)
    both = np.concatenate([likeness, viewer])  # (2, m)
    known = ~np.isnan(both)
    share = np.array([[1 - taste], [taste]], np.float32) * known.any(axis=1, keepdims=True)
    share = share / max(float(share.sum()), 1e-30)
    scale, shift = spread(both)
    score = (share * np.where(known, scale * np.nan_to_num(both) + shift, 0)).sum(axis=0)
    score = np.where(known.any(axis=0), score, np.nan).astype(np.float32)
    terms = (Term(None, asked.queries, asked.item), Term(model, asked.queries))
    weight, base = (share * scale * known).T, (share * shift * known).sum(axis=0)
    return Scored(item, score, terms, weight.astype(np.float32), base.astype(np.float32), np.zeros_like(score))
