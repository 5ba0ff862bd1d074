"""Finding users and items by the beginning of an id or by words in their attributes."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from serendip.store.connection import Connection, found
from serendip.store.index import KEY, Side
from serendip.store.words import SIDES, words

LAST = chr(0x10FFFF)  # what begins with a text comes before that text and this


@dataclass(frozen=True)
class Found:
    """A user or item: index, id and the attributes that it has (numbers, texts, lists of either, dates in ms)."""

    index: int
    id: str
    attributes: Mapping[str, object]


def search(connection: Connection, side: Side, text: str, k: int) -> list[Found]:
    """Return at most k matches: the id itself first, then ids that begin so, then who has words that begin so."""
    text = text.strip()
    picked: dict[int, None] = {}
    for said in dict.fromkeys((text, text.lower(), text.upper())):
        picked.update(dict.fromkeys(beginning(connection, side, said, k)))
    if len(picked) < k:
        picked.update(dict.fromkeys(having(connection, side, words(text), k)))
    return about(connection, side, list(picked)[:k])


def beginning(connection: Connection, side: Side, text: str, k: int) -> list[int]:
    """Return whose id begins so, in the order of the ids."""
    if not text:
        return []
    shown = "AND hidden = 0" if side == "items" else f"AND substr({KEY[side]}, 1, 1) <> ' '"
    ask = f"SELECT idx FROM {side} WHERE {KEY[side]} >= ? AND {KEY[side]} < ? {shown} ORDER BY {KEY[side]} LIMIT ?"
    return [idx for (idx,) in connection.execute(ask, [text, text + LAST, k])]


def having(connection: Connection, side: Side, asked: list[str], k: int) -> list[int]:
    """Return who has, for each word, one that begins so."""
    if not asked:
        return []
    each = " INTERSECT ".join(["SELECT idx FROM words WHERE side = ? AND word >= ? AND word < ?"] * len(asked))
    shown = "WHERE idx NOT IN (SELECT idx FROM items WHERE hidden = 1)" if side == "items" else ""
    values = [value for word in asked for value in (SIDES[side], word, word + LAST)]
    rows = connection.execute(f"SELECT idx FROM ({each}) AS found {shown} ORDER BY idx LIMIT ?", [*values, k])
    return [idx for (idx,) in rows]


def about(connection: Connection, side: Side, index: Iterable[int]) -> list[Found]:
    """Return users or items by index, in the order asked; an index that is not there is left out."""
    ask = f"SELECT idx, {KEY[side]}, attributes FROM {side} WHERE idx IN"
    order = [int(i) for i in index]
    there = {idx: Found(idx, id_, json.loads(text)) for idx, id_, text in found(connection, ask, order)}
    return [there[i] for i in order if i in there]
