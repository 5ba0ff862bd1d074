"""Contributions put into words that a slate can show."""

import numpy as np

from serendip.arrays import F32, I32, I64, offsets
from serendip.data.queries import History, Queries
from serendip.data.slates import Contributions
from serendip.models.contract import Explains, Model
from serendip.pipeline.about import About
from serendip.pipeline.made import Made, Scored
from serendip.pipeline.retrieve import scores
from serendip.service.answer import Because
from serendip.service.catalogue import Catalogue

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
NEW = "new in the catalogue"  # what models that go by the age of items say
DENSE = 1_000_000  # numbers that a table may be as long as
SHARE = 0.6  # a second item is named only where it gives this share of what the first gives


def reasons(model: Model, queries: Queries, item: I32, of: I64, titles: list[str]) -> list[str]:
    """Return a sentence for each item, '' where the model cannot tell.  # item (M,), of (M,): the query of each"""
    if not isinstance(model, Explains) or not len(item):
        return [""] * len(item)
    parts = model.explain(queries, item, of)
    named = strongest(*personal(parts))
    past: dict[int, dict[int, int]] = {}  # query -> item -> its last event
    said = []
    for m, b in enumerate(of.tolist()):
        if not named[m]:
            said.append(general(parts, m))
            continue
        if b not in past:
            at = range(int(queries.history.offset[b]), int(queries.history.offset[b + 1]))
            past[b] = dict(zip(queries.history.item[at.start : at.stop].tolist(), at, strict=True))
        last = past[b].get(named[m][0], -1)
        said.append(f"because you {verb(queries.history, last)} {' and '.join(title(titles, i) for i in named[m])}")
    return said


def whys(made: Made, about: About | None, titles: list[str]) -> list[str]:
    """Return why each item of a slate stands there: in the words of the term that its score owes most to."""
    slate = made.scored
    n, there = len(slate.item), slate.weight != 0
    most = np.where(there, shares(slate), -np.inf).argmax(axis=1) if n else np.zeros(0, np.int64)
    texts = [""] * n
    for t, term in enumerate(slate.terms):
        at = np.flatnonzero((most == t) & there[:, t])
        if term.model is None:
            words = [f"like {title(titles, term.item)}"] * len(at)
        else:
            words = reasons(term.model, term.queries, slate.item[at], np.zeros(len(at), np.int64), titles)
        for place, text in zip(at.tolist(), words, strict=True):
            texts[place] = text
    if about is not None and about.classes is not None and NEW in texts:
        taste = about.taste(slate.terms[0].queries.history.item)
        texts = [new_in(about, item, taste) if text == NEW else text
                 for text, item in zip(texts, slate.item.tolist(), strict=True)]  # fmt: skip
    return texts


def shares(slate: Scored) -> F32:
    """Return what each term adds to each score.  # (n, T)

    Likeness, the one term without a model, is what the others leave; a score of one term is all its own.
    """
    there = slate.weight != 0
    own = (slate.score - slate.base - slate.raised)[:, None]
    if (there.sum(axis=1) <= 1).all():
        return np.where(there, own, 0).astype(np.float32)
    parts = np.zeros(slate.weight.shape, np.float32)
    for t, term in enumerate(slate.terms):
        if term.model is not None and there[:, t].any():
            value = scores(term.model, term.queries, slate.item)[0]
            parts[:, t] = np.where(there[:, t], slate.weight[:, t] * np.nan_to_num(value), 0)
    like = np.array([term.model is None for term in slate.terms])
    rest = own - parts.sum(axis=1, keepdims=True)
    return np.where(there & like, rest, parts).astype(np.float32)


def new_in(about: About, item: int, taste: F32) -> str:
    """Return in which of its classes an item is new: that which the history holds most of.  # taste (c,)"""
    assert about.classes is not None
    share = about.classes.rows(np.array([item], np.int32))[0]
    if not share.any():
        return NEW
    return f"new in {about.classes.names[int(np.argmax((share > 0) * (taste + 1e-9) + 1e-12 * share))]}"


def contributions(slate: Scored, catalogue: Catalogue) -> list[list[Because]]:
    """Return what each score of a slate is made of: each list sums to its score, the greatest part first."""
    parts: list[list[Because]] = [[] for _ in slate.item]
    share = shares(slate)
    for t, term in enumerate(slate.terms):
        at = np.flatnonzero(slate.weight[:, t])
        if isinstance(term.model, Explains) and len(at):
            told = term.model.explain(term.queries, slate.item[at], np.zeros(len(at), np.int64))
            of = at[told.row]
            weight = (told.weight * slate.weight[of, t]).tolist()
            for place, owed, part, reason in zip(of.tolist(), told.item.tolist(), weight, told.reason.tolist(),
                                                 strict=True):  # fmt: skip
                parts[place].append(because(catalogue, owed, part, told.reasons[reason]))
        else:
            for place in at.tolist():
                why = "like" if term.model is None else "overall"
                parts[place].append(because(catalogue, term.item, float(share[place, t]), why))
    for place, (base, raised) in enumerate(zip(slate.base.tolist(), slate.raised.tolist(), strict=True)):
        parts[place] += [Because(part, why) for part, why in ((base, "scale"), (raised, "rules")) if part]
        parts[place].sort(key=lambda one: -abs(one.weight))
    return parts


def because(catalogue: Catalogue, owed: int, weight: float, reason: str) -> Because:
    """Return a part of a score, with the item that it is owed to, -1 where it is owed to none."""
    return Because(weight, reason, *((catalogue.id(owed), catalogue.title(owed)) if owed >= 0 else (None, None)))


def personal(parts: Contributions) -> tuple[I64, I32, F32]:
    """Return the contributions that are owed to items, those to one item together: offset (M + 1,), item, weight."""
    keep, n = parts.item >= 0, len(parts.offset) - 1
    row, item, weight = parts.row[keep], parts.item[keep], parts.weight[keep]
    width = int(item.max(initial=0)) + 1
    key = row * width + item
    if len(key) > 1 and not (key[1:] > key[:-1]).all():  # several models of a hybrid may name the same item
        key, part = together(key, n * width)
        row, item = key // width, (key % width).astype(np.int32)
        weight = np.bincount(part, weight, len(key)).astype(np.float32)
    return offsets(np.bincount(row, minlength=n)), item, weight


def together(key: I64, n: int) -> tuple[I64, I64]:
    """Return the keys that there are, ascending, and which of them each is.  # (N,) below n -> (M,), (N,)"""
    if n > DENSE:
        return np.unique(key, return_inverse=True)
    there = np.zeros(n, np.bool_)
    there[key] = True
    found = np.flatnonzero(there)
    place = np.empty(n, np.int64)
    place[found] = np.arange(len(found))
    return found, place[key]


def strongest(offset: I64, item: I32, weight: F32) -> list[list[int]]:
    """Return for each score the item that gave most, and a second one where it gave nearly as much; none where nothing
    was given.  # offset (M + 1,)
    """
    count = np.diff(offset)
    some = np.flatnonzero(count)
    named: list[list[int]] = [[] for _ in count]
    if not len(some):
        return named
    start = offset[some]
    row = np.repeat(np.arange(len(some)), count[some])
    first, most = largest(weight, start, row)
    rest = weight.copy()
    rest[first] = -np.inf
    second, next_most = largest(rest, start, row)
    near = next_most >= SHARE * most
    places = zip(
        some.tolist(), (most > 0).tolist(), item[first].tolist(), near.tolist(), item[second].tolist(), strict=True
    )
    for m, gave, one, close, other in places:
        if gave:
            named[m] = [one, other] if close else [one]
    return named


def largest(value: F32, start: I64, row: I64) -> tuple[I64, F32]:
    """Return where the largest value of each row is, the first of several, and what it is.  # (M,)"""
    most = np.maximum.reduceat(value, start)
    at = np.flatnonzero(value == most[row])[::-1]
    place = start.copy()
    place[row[at]] = at  # the first is written last
    return place, most


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
