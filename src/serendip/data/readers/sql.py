"""The rows of a SELECT, fetched in blocks: an SQLite file by its address, any other database by an open connection."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from serendip.data.readers.block import Block
from serendip.data.readers.plan import Plan, Query
from serendip.data.readers.source import existing
from serendip.errors import UserError

SQLITE = "sqlite:///"


@contextmanager
def cursor(query: Query) -> Iterator[Any]:
    """Open the query and yield its DB-API cursor. Raises UserError with the database's own words."""
    ours: sqlite3.Connection | None = None
    connection = query.database
    if isinstance(connection, str):
        if not connection.startswith(SQLITE):
            raise UserError(
                f"{connection!r} is no sqlite:///FILE; for another database give its open connection in Python"
            )
        path = existing(Path(connection.removeprefix(SQLITE)))
        ours = connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        opened = connection.cursor()
        try:
            opened.execute(query.select)
        except Exception as error:  # each driver has its own class; DB-API promises no common one
            raise UserError(f"the database refuses the query: {error}") from None
        if opened.description is None:
            raise UserError("the query gives no rows: write a SELECT")
        yield opened
    finally:
        if ours is not None:
            ours.close()


def names(opened: Any) -> list[str]:
    """Return the column names of an open cursor."""
    return [str(d[0]) for d in opened.description]


def cells(found: list[Any], columns: list[str]) -> pl.DataFrame:
    """Turn fetched rows into text cells."""
    text = {n: [_text(row[i]) for row in found] for i, n in enumerate(columns)}
    return pl.DataFrame(text, schema=dict.fromkeys(columns, pl.String))


def _text(value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case bytes() | memoryview():
            return bytes(value).decode("utf-8", "replace")
        case datetime():
            naive = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
            return naive.isoformat(" ")
        case date():
            return value.isoformat()
        case list() | tuple():
            return "|".join(map(str, value))
        case _:
            return str(value)


@dataclass
class Sql:
    """Reads one query by its plan; iterate for blocks, numbered by row from 1. Its size is not known beforehand."""

    query: Query
    plan: Plan

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks of the answer."""
        start = 0
        with cursor(self.query) as opened:
            columns = names(opened)
            wanted = [c.name for c in self.plan.columns]
            if missing := [n for n in wanted if n not in columns]:
                raise UserError(f"the query has no column {missing[0]!r} any more: read its columns anew")
            step = max(1, self.plan.reading.block_bytes // (128 * len(columns)))
            while True:
                found = opened.fetchmany(step)
                if not found and start:
                    return
                frame = cells(found, columns).select(wanted)
                line = pl.Series(range(start + 1, start + frame.height + 1), dtype=pl.Int64)
                start += max(1, frame.height)
                yield Block(frame, line)
