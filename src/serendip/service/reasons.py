"""Contributions put into words that a slate can show."""

import numpy as np

from serendip.arrays import F32, I32, I64
from serendip.data.queries import History, Queries, offsets
from serendip.data.slates import Contributions
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
    offset, owed, weight = personal(parts)
    past: dict[int, dict[int, int]] = {}  # query -> item -> its last event
    said = []
    for m, b in enumerate(of.tolist()):
        named = strongest(owed[offset[m] : offset[m + 1]], weight[offset[m] : offset[m + 1]])
        if not named:
            said.append(general(parts, m))
            continue
        if b not in past:
            at = range(int(queries.history.offset[b]), int(queries.history.offset[b + 1]))
            past[b] = dict(zip(queries.history.item[at.start : at.stop].tolist(), at, strict=True))
        last = past[b].get(named[0], -1)
        said.append(f"because you {verb(queries.history, last)} {' and '.join(title(titles, one) for one in named)}")
    return said


def personal(parts: Contributions) -> tuple[I64, I32, F32]:
    """Return the contributions that are owed to items, those to one item together: offset (M + 1,), item, weight."""
    keep, n = parts.item >= 0, len(parts.offset) - 1
    row = np.repeat(np.arange(n), np.diff(parts.offset))[keep]
    item, weight = parts.item[keep], parts.weight[keep]
    key = row * (int(item.max(initial=0)) + 1) + item
    if len(key) > 1 and not (key[1:] > key[:-1]).all():  # several models of a hybrid may name the same item
        key, first, part = np.unique(key, return_index=True, return_inverse=True)
        row, item, weight = row[first], item[first], np.bincount(part, weight, len(key)).astype(np.float32)
    return offsets(np.bincount(row, minlength=n)), item, weight


def strongest(item: I32, weight: F32) -> list[int]:
    """Return the item that gave most, and a second one where it gave nearly as much; none where nothing was given."""
    if not len(item):
        return []
    first = int(weight.argmax())
    most = float(weight[first])
    if not most > 0:
        return []
    named = [int(item[first])]
    if len(item) > 1:
        rest = weight.copy()
        rest[first] = -np.inf
        second = int(rest.argmax())
        if rest[second] >= SHARE * most:
            named.append(int(item[second]))
    return named


def general(parts: Contributions, m: int) -> str:
    """Return what the strongest contribution that is owed to no item says."""
    at = slice(parts.offset[m], parts.offset[m + 1])
    weight, reason = parts.weight[at], parts.reason[at]
    said = np.flatnonzero((parts.item[at] < 0) & (weight != 0))
    return parts.reasons[reason[said[np.argmax(weight[said])]]] if len(said) else ""


def title(titles: list[str], item: int) -> str:
    """Return an item's title, shortened."""
    text = titles[item] if item < len(titles) else "?"
    return text if len(text) <= 48 else text[:47].rstrip() + "…"


def verb(history: History, event: int) -> str:
    """Return what was done by an event of the histories, -1 where there is none."""
    if event < 0:
        return "chose"
    if history.type is None or not history.types:
        return "rated" if history.value is not None and not np.isnan(history.value[event]) else "chose"
    return DONE.get(history.types[history.type[event]], "chose")
