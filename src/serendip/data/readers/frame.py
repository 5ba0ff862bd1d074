"""Any data frame: polars, pandas, or whatever speaks the Arrow protocol."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from serendip.data.readers.block import Block, as_text, rows_within
from serendip.data.readers.plan import Plan
from serendip.errors import UserError


def frame(data: Any) -> pl.DataFrame:
    """Return the frame as polars. Raises UserError for what is no data frame."""
    if isinstance(data, pl.LazyFrame):
        return data.collect()
    if isinstance(data, pl.DataFrame):
        return data
    if isinstance(data, pl.Series):
        raise UserError("one column is no table of feedback: give a data frame with users and items")
    if hasattr(data, "__arrow_c_stream__"):
        try:
            made = pl.DataFrame(data)
        except (pl.exceptions.PolarsError, ImportError, TypeError, ValueError):
            made = None
        if made is not None:
            return made
    columns = getattr(data, "columns", None)
    if columns is not None and hasattr(data, "to_dict"):  # pandas without pyarrow
        return pl.DataFrame({str(name): _column(data[name]) for name in columns})
    if isinstance(data, dict):
        try:
            return pl.DataFrame(data)
        except (pl.exceptions.PolarsError, TypeError) as error:
            raise UserError(f"the dict is no table of columns as long as each other: {error}") from None
    kind = type(data).__name__
    raise UserError(f"{kind} is no data frame: give polars, pandas, or anything with __arrow_c_stream__")


def _column(values: Any) -> pl.Series:
    array = values.to_numpy()
    if array.dtype.kind in "iufbM":
        return pl.Series(array)
    missing = values.isna().to_numpy()
    return pl.Series([None if gone else str(v) for v, gone in zip(array, missing, strict=True)], dtype=pl.String)


FEW = 100  # rows that tell how large the others are


@dataclass
class Frame:
    """Reads one frame by its plan; iterate for blocks, numbered by row from 1."""

    data: pl.DataFrame
    plan: Plan

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks of the frame."""
        names = [c.name for c in self.plan.columns]
        step = rows_within(self.plan.reading.block_bytes, as_text(self.data.head(FEW).select(names)))
        total = int(self.data.estimated_size())
        for start in range(0, max(1, self.data.height), step):
            cells = as_text(self.data[start : start + step].select(names))
            line = pl.Series(range(start + 1, start + cells.height + 1), dtype=pl.Int64)
            done = total * (start + cells.height) // max(1, self.data.height)
            yield Block(cells, line, done=done, total=total)
