"""Attributes of items and users that stand in the rows of an events file: one value for each id, chosen at the end.

Text takes the most frequent cell (the later one of equals), numbers the median. A title counts the orders it was sold
in at a price, so that a stock note ("damaged", "check") does not become the title. Memory: distinct (id, cell) pairs.
"""

import polars as pl

from serendip.data.readers import cells as read
from serendip.data.readers.plan import Column

COMPACT_AT = 500_000  # collected pairs before they are counted together


def typed(column: Column, decimal_comma: bool = False) -> pl.Expr:
    """Return the expression that reads the text cells of an attribute as what it is."""
    cell = pl.col(column.name)
    kind, _, detail = column.kind.partition(":")
    match kind:
        case "number":
            found = read.clean(cell)
            amount = read.prices(found, decimal_comma) if column.to == "price" else read.numbers(found, decimal_comma)
            return pl.when(amount.is_finite()).then(amount)
        case "list":
            return read.lists(cell, detail)
        case "vector":
            return read.vectors(cell, detail)
        case "date":
            return cell.map_batches(
                lambda s: read.timestamps(read.clean_series(s), detail).cast(pl.Datetime("ms")),
                return_dtype=pl.Datetime("ms"),
            )
        case _:
            return read.clean(cell)


class Attributes:
    """Collects the attributes of one kind of id over the blocks of a file."""

    def __init__(self, key: str, columns: list[Column], decimal_comma: bool) -> None:
        """Take `key` as the name of the id column in the answer, item_id or user_id."""
        self.key = key
        self.columns = columns
        self.comma = decimal_comma
        self._ids: pl.Series = pl.Series(key, [], dtype=pl.String)
        self._pairs: dict[str, list[pl.DataFrame]] = {c.name: [] for c in columns}
        self._row = 0

    def add(self, ids: pl.Series, cells: pl.DataFrame, sold: pl.Series | None) -> None:
        """Take in a block: ids (rows,), null where missing; `sold` names the order of a row sold at a price."""
        frame = cells.select(c.name for c in self.columns).with_columns(ids.alias("\0id"))
        frame = frame.with_columns(
            pl.int_range(self._row, self._row + frame.height, dtype=pl.Int64).alias("\0at"),
            (sold if sold is not None else pl.lit(None, pl.String)).alias("\0sold"),
        ).filter(pl.col("\0id").is_not_null())
        self._row += cells.height
        self._ids = pl.concat([self._ids, frame["\0id"].unique().alias(self.key)]).unique()
        for column in self.columns:
            cell = typed(column, self.comma) if column.kind == "number" else read.clean(pl.col(column.name))
            pairs = (
                frame.select("\0id", "\0at", "\0sold", cell.alias("cell"))
                .filter(pl.col("cell").is_not_null())
                .group_by("\0id", "cell")
                .agg(
                    pl.len().alias("n"),
                    pl.col("\0sold").n_unique().cast(pl.Int64).alias("orders")
                    - pl.col("\0sold").is_null().any().cast(pl.Int64),
                    pl.col("\0at").max(),
                )
                .cast({"n": pl.Int64})
            )
            held = self._pairs[column.name]
            held.append(pairs)
            if sum(p.height for p in held[1:]) > COMPACT_AT:
                self._pairs[column.name] = [_together(held)]

    def frame(self) -> pl.DataFrame:
        """Return one row an id, with its attributes."""
        answer = self._ids.sort().to_frame()
        for column in self.columns:
            pairs = _together(self._pairs[column.name])
            chosen = _median(pairs) if column.kind == "number" else _usual(pairs)
            chosen = chosen.rename({"\0id": self.key, "cell": column.name})
            if column.kind != "number":
                chosen = chosen.with_columns(typed(column, self.comma).alias(column.name))
            chosen = chosen.rename({column.name: f"\0{column.to}"})
            answer = answer.join(chosen, on=self.key, how="left", maintain_order="left")
        return answer.rename({f"\0{c.to}": c.to for c in self.columns})


def _together(pairs: list[pl.DataFrame]) -> pl.DataFrame:
    if not pairs:
        schema = {"\0id": pl.String, "cell": pl.String, "n": pl.Int64, "orders": pl.Int64, "\0at": pl.Int64}
        return pl.DataFrame(schema=schema)
    together = pl.concat(pairs).group_by("\0id", "cell")
    return together.agg(pl.col("n").sum(), pl.col("orders").sum(), pl.col("\0at").max())


def _usual(pairs: pl.DataFrame) -> pl.DataFrame:
    ranked = pairs.sort("orders", "n", "\0at", descending=True)
    return ranked.unique("\0id", keep="first", maintain_order=True).select("\0id", "cell")


def _median(pairs: pl.DataFrame) -> pl.DataFrame:
    ranked = pairs.sort("\0id", "cell")
    before = pl.col("n").cum_sum().over("\0id")
    middle = ranked.filter(before * 2 >= pl.col("n").sum().over("\0id"))
    return middle.unique("\0id", keep="first", maintain_order=True).select("\0id", "cell")
