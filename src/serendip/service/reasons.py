"""Contributions put into words that a slate can show."""

from dataclasses import replace

import numpy as np

from serendip.arrays import F32, I32, I64
from serendip.data.queries import History, Queries
from serendip.models.contract import Explains, Model

DONE = {
    "rating": "rated",
    "review": "reviewed",
    "purchase": "bought",
    "view": "viewed",
    "click": "looked at",
    "cart": "put in the cart",
    "like": "liked",
    "time_spent": "spent time with",
    "interaction": "chose",
}
SHARE = 0.6  # a second item is named only where it gives this share of what the first gives


def reasons(model: Model, queries: Queries, item: I32, of: I64, titles: list[str]) -> list[str]:
    """Return a sentence for each item, '' where the model cannot tell.  # item (M,), of (M,): the query of each"""
    if not isinstance(model, Explains) or not len(item):
        return [""] * len(item)
    parts = model.explain(queries, item, of)
    bounds = queries.history.offset
    said = []
    for m, b in enumerate(of):
        at, past = slice(parts.offset[m], parts.offset[m + 1]), slice(bounds[b], bounds[b + 1])
        history = replace(
            queries.history,
            offset=np.array([0, past.stop - past.start]),
            item=queries.history.item[past],
            value=None if queries.history.value is None else queries.history.value[past],
            type=None if queries.history.type is None else queries.history.type[past],
            timestamp=None,
        )
        said.append(sentence(parts.item[at], parts.weight[at], parts.reason[at], parts.reasons, history, titles))
    return said


def sentence(item: I32, weight: F32, reason: I32, words: tuple[str, ...], history: History, titles: list[str]) -> str:
    """Return what the strongest contributions say; those of one item count together."""
    personal = item >= 0
    owed, part = np.unique(item[personal], return_inverse=True)  # several models of a hybrid may name the same item
    total = np.bincount(part, weight[personal], len(owed))
    if not (total > 0).any():
        general = np.flatnonzero(~personal & (weight != 0))
        return words[reason[general[np.argmax(weight[general])]]] if len(general) else ""
    best = np.argsort(-total, kind="stable")[:2]
    named = [title(titles, int(owed[best[0]]))]
    if len(best) > 1 and total[best[1]] >= SHARE * total[best[0]]:
        named.append(title(titles, int(owed[best[1]])))
    return f"because you {verb(history, int(owed[best[0]]))} {' and '.join(named)}"


def title(titles: list[str], item: int) -> str:
    """Return an item's title, shortened."""
    text = titles[item] if item < len(titles) else "?"
    return text if len(text) <= 48 else text[:47].rstrip() + "…"


def verb(history: History, item: int) -> str:
    """Return what was last done with an item."""
    at = np.flatnonzero(history.item == item)
    if not len(at):
        return "chose"
    if history.type is None or not history.types:
        return "rated" if history.value is not None and not np.isnan(history.value[at[-1]]) else "chose"
    return DONE.get(history.types[history.type[at[-1]]], "chose")
