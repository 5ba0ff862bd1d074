"""From a path, a data frame or a query to a plan of how it is read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from serendip.data.readers import frame as frames
from serendip.data.readers import parquet, shop, sql
from serendip.data.readers.block import as_text
from serendip.data.readers.columns import Recognition
from serendip.data.readers.delimited import Delimited
from serendip.data.readers.dialect import dialect, is_json, unique
from serendip.data.readers.jsonl import parse
from serendip.data.readers.plan import Column, Columns, Plan, Query, Reading, source_name
from serendip.data.readers.source import Text
from serendip.errors import UserError

SAMPLE_ROWS = 50_000
SAMPLE_BYTES = 64 << 20  # of text cells
ENDINGS = (".gz", ".zst", ".zstd", ".brotli", ".csv", ".tsv", ".txt", ".dat", ".jsonl", ".ndjson", ".json", ".parquet")


def recognise(source: Any, overrides: Columns | None = None, settings: Reading | None = None) -> Plan:
    """Look at the first rows of a file, data frame or query, and tell what each column is.

    `source` is a path, a `Query`, or a frame (polars, pandas, anything with `__arrow_c_stream__`). Raises UserError for
    what cannot be read, for a named column that is not there, and where users or items cannot be told.
    """
    reading, name = settings or Reading(), source_name(source)
    given = overrides or Columns()
    plan = Plan(source=name, table="events", layout="delimited", columns=(), encoding=reading.encoding, reading=reading)
    if isinstance(source, str) and source.startswith(sql.SQLITE):
        raise UserError(f"{source} needs a SELECT that says which rows: give it with --query")
    match source:
        case Query():
            with sql.cursor(source) as opened:
                columns = unique(sql.names(opened))
                sample = sql.cells(opened.fetchmany(SAMPLE_ROWS), columns)
            plan = replace(plan, layout="sql", data=source)
        case str() | Path():
            return _file(plan, Path(source), given)
        case _:
            data = frames.frame(source)
            sample = as_text(data.head(SAMPLE_ROWS))
            plan = replace(plan, layout="frame", data=data)
    return _planned(plan, sample, True, "", given)


def _file(plan: Plan, path: Path, given: Columns) -> Plan:
    reading = plan.reading
    text = Text(path, reading.encoding)
    stem = path.name
    while stem.lower().endswith(ENDINGS):
        stem = stem[: stem.rfind(".")]
    if text.parquet or path.name.endswith((".parquet", ".parquet.brotli")):
        sample = parquet.first_rows(text, SAMPLE_ROWS, SAMPLE_BYTES)
        return _planned(replace(plan, layout="parquet"), sample, True, stem, given)
    head = text.head(reading.sample_bytes)
    if b"\n" not in head and b"\r" not in head and text.more:
        limit = len(head) // (1 << 20)
        raise UserError(f"the first line of {path} is longer than {limit:g} MB: this is no table of rows")
    if text.more and b"\n" in head:
        head = head[: head.rfind(b"\n") + 1]
    if is_json(head, str(path)):
        return _planned(replace(plan, layout="jsonl"), _json_sample(head), True, stem, given)
    found = dialect(head, reading.separator, reading.header)
    columns = tuple(Column(n, "ignored") for n in found.names)
    plan = replace(plan, separator=found.separator, header=found.header, quoting=found.quoting, columns=columns)
    if found.note:
        plan = replace(plan, notes=(found.note,))
    first = Text(path, reading.encoding, only=head)
    sample = pl.concat([b.cells for b in Delimited(first, plan)])
    return _planned(plan, sample, found.header, stem, given)


def _json_sample(head: bytes) -> pl.DataFrame:
    rows = []
    for line in head.split(b"\n"):
        try:
            rows.append(parse(line.strip()))
        except ValueError:
            continue
    names = dict.fromkeys(k for row in rows for k in row)
    return pl.DataFrame({n: [r.get(n) for r in rows] for n in names}, schema=dict.fromkeys(names, pl.String))


def _planned(plan: Plan, sample: pl.DataFrame, named: bool, stem: str, given: Columns) -> Plan:
    if not sample.width:
        raise UserError(f"{plan.source} has no columns: there is nothing to read")
    found = Recognition(plan.source, sample, named, stem, given, plan.reading).run()
    columns = list(found.columns)
    for i, column in enumerate(columns):
        if column.role == "order" and shop.c_is_return(sample[column.name]):
            columns[i] = replace(column, kind=shop.RETURNS)
    notes = list(plan.notes) + found.notes
    if sample.is_empty():
        notes.append("the source has a header and no rows")
    return replace(
        plan,
        table=found.table,
        columns=tuple(columns),
        scale=found.scale,
        default_type=found.default_type,
        decimal_comma=_decimal_comma(plan, columns, sample),
        notes=tuple(notes),
    )


def _decimal_comma(plan: Plan, columns: list[Column], sample: pl.DataFrame) -> bool:
    """Tell 3,5 from 3.5 by the columns of numbers: commas, and no points."""
    if plan.separator == "," and plan.layout == "delimited" and not plan.quoting:
        return False
    number = [c.name for c in columns if c.role in ("value", "quantity", "price") or c.kind == "number"]
    cells = pl.concat([sample[n].drop_nulls().alias("c") for n in number]) if number else pl.Series([], dtype=pl.String)
    comma = cells.str.contains(r"^\s*-?\d+,\d{1,2}\s*$").sum()
    return comma > 0 and comma > cells.str.contains(r"^\s*-?\d+\.\d").sum()
