"""What a reader is asked for, what it took each column for, and what it hands back."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl

from serendip.data.tables import EVENT_SCHEMA, no_items, no_users
from serendip.errors import UserError, nearest

Table = Literal["events", "items", "users"]
Layout = Literal["delimited", "jsonl", "parquet", "frame", "sql"]

QUARANTINE_SCHEMA = pl.Schema({"file": pl.String, "line": pl.Int64, "reason": pl.String, "row": pl.String})


@dataclass(frozen=True)
class Columns:
    """The user's word on which column is what; None leaves it to recognition. A file without a header counts from 1."""

    user: str | None = None
    item: str | None = None
    value: str | None = None
    timestamp: str | None = None
    type: str | None = None


@dataclass(frozen=True)
class Reading:
    """How to read: every setting has a default that needs no thought."""

    table: Table | None = None  # None: decided by the columns and the name of the file
    encoding: str | None = None  # None: UTF-8, UTF-16 with a byte order mark, odd rows as Windows-1252
    separator: str | None = None  # None: found in the first lines
    header: bool | None = None  # None: found in the first lines
    scale: tuple[float, float] | None = None  # lowest and highest rating; None: inferred from the first rows
    now: float | None = None  # seconds since 1970; timestamps a day beyond are refused; None: the clock
    block_bytes: int = 8 << 20  # text held at once
    longest_line: int = 8 << 20  # bytes; a longer line goes to the quarantine
    sample_bytes: int = 4 << 20  # text looked at for recognition


@dataclass(frozen=True)
class Query:
    """Rows of a SELECT: over `sqlite:///file.db` or over any open DB-API connection."""

    select: str
    database: Any  # "sqlite:///file.db", or a DB-API connection object


@dataclass(frozen=True)
class Column:
    """One column of the source: `role` is what it was taken for, `kind` how its cells are read, `why` the evidence."""

    name: str
    role: str
    kind: str = ""
    to: str = ""  # the attribute's or context field's name in the canonical tables
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """How one source is read. Plain data: `as_dict` and `from_dict` carry it through serendip.toml."""

    source: str
    table: Table
    layout: Layout
    columns: tuple[Column, ...]
    separator: str = ","
    header: bool = False
    quoting: bool = True
    scale: tuple[float, float] | None = None
    default_type: str = "interaction"
    decimal_comma: bool = False
    encoding: str | None = None
    notes: tuple[str, ...] = ()
    reading: Reading = field(default_factory=Reading, compare=False, repr=False)
    data: Any = field(default=None, compare=False, repr=False)  # the frame or Query, where there is no file

    def of(self, role: str) -> list[Column]:
        """Return the columns of one role, in file order."""
        return [c for c in self.columns if c.role == role]

    def name(self, role: str) -> str | None:
        """Return the name of the column of a role that only one column can have."""
        found = self.of(role)
        return found[0].name if found else None

    def as_dict(self) -> dict[str, Any]:
        """Return strings, numbers, lists and dicts only, without empty entries."""
        answer: dict[str, Any] = {
            "source": self.source,
            "table": self.table,
            "layout": self.layout,
            "default_type": self.default_type,
            "columns": [{f.name: v for f in fields(c) if (v := getattr(c, f.name))} for c in self.columns],
        }
        if self.layout == "delimited":
            answer |= {"separator": self.separator, "header": self.header, "quoting": self.quoting}
        if self.scale:
            answer["scale"] = list(self.scale)
        if self.decimal_comma:
            answer["decimal_comma"] = True
        if self.encoding:
            answer["encoding"] = self.encoding
        if self.notes:
            answer["notes"] = list(self.notes)
        return answer

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, data: Any = None, reading: Reading | None = None) -> Self:
        """Build the plan that `as_dict` wrote. Raises UserError for an entry that no plan has."""
        given = dict(values)
        known = {f.name for f in fields(cls)} - {"reading", "data"}
        for name in given:
            if name not in known:
                raise UserError(f"{name!r} is no setting of a file{nearest(name, known)}")
        given["columns"] = tuple(Column(**c) for c in given["columns"])
        given["notes"] = tuple(given.get("notes", ()))
        if given.get("scale"):
            low, high = given["scale"]
            given["scale"] = (float(low), float(high))
        return cls(**given, data=data, reading=reading or Reading())

    def __str__(self) -> str:
        """Return a small table: column, what it was taken for, why; then the notes."""
        rows = [("column", "taken for", "why")]
        rows += [(c.name, _taken_for(c), c.why) for c in self.columns]
        wide = [max(len(r[i]) for r in rows) for i in range(2)]
        lines = [f"{self.source}: {self.table}"]
        lines += [f"  {a:<{wide[0]}}  {b:<{wide[1]}}  {c}".rstrip() for a, b, c in rows]
        return "\n".join(lines + [f"  {note}" for note in self.notes])


def _taken_for(column: Column) -> str:
    named = column.role in ("item attribute", "user attribute", "context") and column.to not in ("", column.name)
    return column.role + (f" {column.to}" if named else "") + (f" ({column.kind})" if column.kind else "")


@dataclass(frozen=True)
class Batch:
    """One block of a source in canonical form. Summed over a source, rows = loaded + quarantined."""

    events: pl.DataFrame  # EVENT_SCHEMA
    items: pl.DataFrame  # item_id and attributes; of an events file: once, in the last batch
    users: pl.DataFrame  # user_id and attributes; of an events file: once, in the last batch
    quarantine: pl.DataFrame  # QUARANTINE_SCHEMA
    rows: int  # rows of data that were read
    loaded: int  # of these, the rows that became an event, an item or a user
    skipped: int  # header and blank lines
    bytes_done: int
    bytes_total: int
    notes: tuple[str, ...] = ()  # sentences about the whole file; in the last batch

    @classmethod
    def empty(cls) -> Self:
        """Return a batch of nothing."""
        events, bad = EVENT_SCHEMA.to_frame(), QUARANTINE_SCHEMA.to_frame()
        return cls(events, no_items(), no_users(), bad, 0, 0, 0, 0, 0)


def source_name(source: Any) -> str:
    """Return what a source is called in messages and quarantine rows."""
    match source:
        case str() | Path():
            return str(source)
        case Query(database=str() as address):
            return address
        case Query(database=sqlite3.Connection()):
            return "SQLite query"
        case Query():
            return "SQL query"
        case _:
            return "data frame"
