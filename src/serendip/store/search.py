"""Finding users and items by the beginning of an id or by words in their attributes."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from serendip.store.index import KEY, Side


@dataclass(frozen=True)
class Found:
    """A user or item: index, id and the attributes that it has (numbers, texts, lists of texts, dates in ms)."""

    index: int
    id: str
    attributes: Mapping[str, object]


def search(connection: sqlite3.Connection, side: Side, text: str, k: int) -> list[Found]:
    """Return at most k matches: the id itself first, then ids that begin so, then words. One pass over the table."""
    words = [f"%{_plain(word)}%" for word in text.split()]
    holds = " AND ".join(
        ["attributes LIKE ? ESCAPE '\\' AND EXISTS (SELECT 1 FROM json_tree(attributes) WHERE type = 'text' AND"
         " value LIKE ? ESCAPE '\\')"] * len(words)
    ) or "0"  # fmt: skip
    begins = f"{_plain(text.strip())}%"
    rows = connection.execute(
        f"SELECT idx, {KEY[side]} AS id, attributes FROM {side} WHERE {'NOT hidden AND' if side == 'items' else ''}"
        f" (id LIKE ? ESCAPE '\\' OR {holds}) ORDER BY id = ? DESC, id LIKE ? ESCAPE '\\' DESC, idx LIMIT ?",
        [begins, *(w for word in words for w in (word, word)), text.strip(), begins, k],
    )
    return [Found(idx, id_, json.loads(attributes)) for idx, id_, attributes in rows]


def about(connection: sqlite3.Connection, side: Side, index: Iterable[int]) -> list[Found]:
    """Return users or items by index, in the order asked; an index that is not there is left out."""
    ask = f"SELECT idx, {KEY[side]}, attributes FROM {side} WHERE idx = ?"
    rows = (connection.execute(ask, [int(i)]).fetchone() for i in index)
    return [Found(row[0], row[1], json.loads(row[2])) for row in rows if row is not None]


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
