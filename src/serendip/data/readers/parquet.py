"""Parquet, with any compression that polars knows (brotli too), a slice of rows at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from serendip.data.readers.block import Block, as_text, rows_within
from serendip.data.readers.plan import Plan
from serendip.data.readers.source import Text
from serendip.errors import UserError

FEW = 100  # rows that tell how large the others are


def first_rows(text: Text, n: int, size: int) -> pl.DataFrame:
    """Return the first `n` rows as text cells, fewer where they come to more than some `size` bytes.

    Raises UserError for a damaged file.
    """
    return _slice(text, 0, min(n, rows_within(size, _slice(text, 0, FEW))))


def rows(text: Text) -> int:
    """Return the number of rows. Raises UserError for a damaged file."""
    try:
        return int(pl.scan_parquet(text.path, glob=False).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(text, error) from None


def _slice(text: Text, start: int, n: int) -> pl.DataFrame:
    try:
        return as_text(pl.scan_parquet(text.path, glob=False).slice(start, n).collect())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(text, error) from None


def _damaged(text: Text, error: Exception) -> UserError:
    what = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UserError(f"{text.path} is damaged, or no Parquet file after all ({what}): write or fetch it again")


@dataclass
class Parquet:
    """Reads one file by its plan; iterate for blocks, numbered by row from 1."""

    text: Text
    plan: Plan

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks of the file."""
        names = [c.name for c in self.plan.columns]
        total, start = rows(self.text), 0
        step = rows_within(self.plan.reading.block_bytes, _slice(self.text, 0, FEW))
        while start < total or not start:
            cells = _slice(self.text, start, step)
            if missing := [n for n in names if n not in cells.columns]:
                raise UserError(f"{self.text.path} has no column {missing[0]!r} any more: read its columns anew")
            line = pl.Series(range(start + 1, start + cells.height + 1), dtype=pl.Int64)
            start += step
            done = self.text.total if start >= total else self.text.total * start // total
            yield Block(cells.select(names), line, done=done, total=self.text.total)
