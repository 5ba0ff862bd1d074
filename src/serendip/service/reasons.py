"""Contributions put into words that a slate can show."""

import numpy as np

from serendip.arrays import F32, I32
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


def reasons(model: Model, queries: Queries, item: I32, titles: "list[str]") -> list[str]:
    """Return a sentence for one item a query, '' where the model cannot tell.  # item (B,)"""
    if not isinstance(model, Explains) or not len(item):
        return [""] * len(item)
    parts = model.explain(queries, item)
    said = []
    for b in range(len(item)):
        at = slice(parts.offset[b], parts.offset[b + 1])
        said.append(sentence(parts.item[at], parts.weight[at], parts.reason[at], parts.reasons,
                             queries.history.rows(slice(b, b + 1)), titles))  # fmt: skip
    return said


def sentence(item: I32, weight: F32, reason: I32, words: tuple[str, ...], history: History, titles: list[str]) -> str:
    """Return what the strongest contributions say."""
    personal = np.flatnonzero((item >= 0) & (weight > 0))
    if not len(personal):
        general = np.flatnonzero((item < 0) & (weight != 0))
        return words[reason[general[np.argmax(weight[general])]]] if len(general) else ""
    ranked = personal[np.argsort(-weight[personal], kind="stable")]
    first = int(item[ranked[0]])
    named = [title(titles, first)]
    if len(ranked) > 1 and weight[ranked[1]] >= SHARE * weight[ranked[0]]:
        named.append(title(titles, int(item[ranked[1]])))
    return f"because you {verb(history, first)} {' and '.join(named)}"


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
