"""What every layout is turned into before recognition: a block of rows whose cells are text."""

from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

BYTES_A_CELL = 32  # of a text cell in memory, at least


class Reject(NamedTuple):
    """A row that no cell could be read from."""

    line: int
    reason: str
    row: str


@dataclass
class Block:
    """Rows as text cells, null where missing, with the line each began on; `rejects` never became cells."""

    cells: pl.DataFrame  # String columns, by the names of the plan
    line: pl.Series  # Int64, (cells.height,); the row number where a source has no lines
    rejects: list[Reject] = field(default_factory=list)
    skipped: int = 0  # header and blank lines
    recoded: int = 0  # rows that were read as Windows-1252
    done: int = 0
    total: int = 0
    extra: pl.Series | None = None  # String, (cells.height,): a JSON object of fields beyond the plan's columns


def rows_within(size: int, first: pl.DataFrame) -> int:
    """Return how many rows of text cells take some `size` bytes, by the first of them; at least one."""
    each = max(BYTES_A_CELL * max(1, first.width), int(first.estimated_size()) // max(1, first.height))
    return max(1, size // each)


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn typed columns into text cells: dates as ISO 8601, lists joined by `|`, structs as JSON."""
    return frame.select(_text(pl.col(name), dtype).alias(name) for name, dtype in frame.schema.items())


def _text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    match dtype:
        case pl.String():
            return column
        case pl.Datetime(time_zone=zone):
            naive = column if zone is None else column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
            return naive.dt.strftime("%Y-%m-%d %H:%M:%S%.f")
        case pl.List() | pl.Array():
            listed = column if isinstance(dtype, pl.List) else column.arr.to_list()
            inner = dtype.inner
            simple = not (inner.is_nested() or inner == pl.Binary)
            return listed.cast(pl.List(pl.String)).list.join("|") if simple else pl.lit(None, pl.String)
        case pl.Struct():
            return pl.when(column.is_not_null()).then(column.struct.json_encode())
        case pl.Binary():
            return column.cast(pl.String, strict=False)
        case pl.Object():
            return column.map_elements(str, return_dtype=pl.String)
        case _:
            return column.cast(pl.String, strict=False)
