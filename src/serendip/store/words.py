"""The words by which users and items are found: those of the texts among their attributes, in small letters."""

import json
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import polars as pl

from serendip.store.connection import Connection

SIDES = {"users": 0, "items": 1}
MOST, LONGEST = 200, 40  # words of one user or item, letters of one word
WORD = re.compile(r"\w+")
BATCH = 50_000  # users or items whose words are gathered at once


def words(text: str) -> list[str]:
    """Return the words of a text as they are kept."""
    return [word[:LONGEST] for word in WORD.findall(text.casefold())]


def words_of(attributes: Mapping[str, Any]) -> set[str]:
    """Return the words of texts and lists of texts; of many the first."""
    found: dict[str, None] = {}
    for value in attributes.values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                found.update(dict.fromkeys(words(text)))
    return set(islice(found, MOST))


def put_words(connection: Connection, side: str, pairs: Iterable[tuple[str, int]]) -> None:
    """Add (word, index) pairs."""
    rows = sorted(pairs)
    columns = {"side": [SIDES[side]] * len(rows), "word": [w for w, _ in rows], "idx": [i for _, i in rows]}
    connection.pour("words", pl.DataFrame(columns, {"side": pl.Int32, "word": pl.String, "idx": pl.Int32}))


def drop_words(connection: Connection, side: str, pairs: Iterable[tuple[str, int]]) -> None:
    """Remove (word, index) pairs."""
    rows = [(SIDES[side], word, index) for word, index in pairs]
    if rows:
        connection.executemany("DELETE FROM words WHERE side = ? AND word = ? AND idx = ?", rows)


def gather(connection: Connection) -> None:
    """Put in the words of every user and item that is there."""
    for side in SIDES:
        after = -1
        while rows := connection.execute(
            f"SELECT idx, attributes FROM {side} WHERE idx > ? ORDER BY idx LIMIT ?", [after, BATCH]
        ).fetchall():
            put_words(connection, side, ((w, idx) for idx, text in rows for w in words_of(json.loads(text))))
            after = rows[-1][0]
