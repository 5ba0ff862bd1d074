"""The files of a bench, read as given: a mistake in one is an error, never a row that is dropped."""

from pathlib import Path

import numpy as np
import polars as pl

from serendip.errors import UserError, nearest
from serendip.plural import counted

NOT_CONTEXT = ("user_id", "item_id", "value", "timestamp", "label", "type", "event_id", "impression_id", "source")
SECONDS, MILLISECONDS, MICROSECONDS = 1e11, 1e14, 1e17  # timestamps below these are in these units


def read_events(path: Path, *, typed: bool = False) -> pl.DataFrame:
    """Return user_id, item_id and, where they are there, value, timestamp (ms), label, type, `context.<column>`.

    typed: keep the event type; else every row is an interaction like any other.

    Raises:
        UserError: the file cannot be read, is empty, lacks a column, or holds what its column cannot.
    """
    frame = read_table(path, "user_id", "item_id")
    columns = [identified(frame, "user_id", path), identified(frame, "item_id", path)]
    columns += [numbers(frame[name], path) for name in ("value", "label") if name in frame.columns]
    if "timestamp" in frame.columns:
        columns.append(milliseconds(frame["timestamp"], path))
    if typed and "type" in frame.columns:
        columns.append(frame["type"].cast(pl.String))
    columns += [frame[name].alias(f"context.{name}") for name in frame.columns if name not in NOT_CONTEXT]
    return pl.DataFrame(columns)


def read_pairs(path: Path) -> pl.DataFrame:
    """Return user_id and item_id of a file of candidates."""
    frame = read_table(path, "user_id", "item_id")
    return pl.DataFrame([identified(frame, "user_id", path), identified(frame, "item_id", path)])


def read_features(path: Path, key: str) -> pl.DataFrame:
    """Return the ids under `key` and their attributes; text with "|" in it is a list of categories."""
    frame = read_table(path, key)
    columns = [identified(frame, key, path)]
    for column in (frame[name] for name in frame.columns if name != key):
        many = column.dtype == pl.String and bool(column.str.contains("|", literal=True).any())
        columns.append(column.str.split("|") if many else column)
    return pl.DataFrame(columns)


def read_table(path: Path, *needed: str) -> pl.DataFrame:
    """Return a CSV, TSV or Parquet file (text may be gzip or zstd), ids as text where it is text.

    Raises:
        UserError: the file is not there, cannot be read, has no rows or lacks a column.
    """
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    kind = [s.lower() for s in path.suffixes if s.lower() not in (".gz", ".zst", ".zstd")]
    try:
        if kind and kind[-1] == ".parquet":
            frame = pl.read_parquet(path)
        else:
            frame = pl.read_csv(
                path,
                separator="\t" if kind and kind[-1] in (".tsv", ".tab") else ",",
                schema_overrides=dict.fromkeys(("user_id", "item_id"), pl.String),
                infer_schema_length=None,
            )
    except pl.exceptions.NoDataError:
        raise UserError(f"{path} is empty: it needs a header with {' and '.join(needed)}, then rows") from None
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        said = str(error).strip().splitlines()
        raise UserError(f"{path} cannot be read as a table: {said[0] if said else type(error).__name__}") from None
    for name in needed:
        if name not in frame.columns:
            raise UserError(f"{path} has no column {name!r}{nearest(name, frame.columns)}")
    if frame.is_empty():
        raise UserError(f"{path} holds a header and no rows")
    return frame


def identified(frame: pl.DataFrame, name: str, path: Path) -> pl.Series:
    """Return a column of ids as text: 1, 1.0 and " 1" are all "1"; a column of whole floats is one of integers.

    Raises:
        UserError: an id is missing.
    """
    column = frame[name]
    if column.dtype.is_float():
        whole = column.is_finite() & (column == column.floor())
        text = pl.select(
            pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(column.cast(pl.String))
        ).to_series()
        text = text.set(column.is_nan().fill_null(False), None)
    else:
        text = column.cast(pl.String).str.strip_chars()
        if column.dtype == pl.String and bool(text.str.contains(r"^-?\d+(\.0+)?$").all()):
            text = text.str.replace(r"\.0+$", "")
    missing = text.is_null() | (text == "")
    if missing.any():
        raise UserError(
            f"{path} has {counted(int(missing.sum()), 'row')} without {name}, the first is row {first(missing)}: "
            "give them one or take them out"
        )
    return text.alias(name)


def numbers(column: pl.Series, path: Path) -> pl.Series:
    """Return a column as numbers, null where there is none.

    Raises:
        UserError: a cell is no finite number.
    """
    found = column.cast(pl.Float64, strict=False)
    bad = (found.is_null() & column.is_not_null()) | (found.is_not_null() & ~found.is_finite())
    if bad.any():
        cell = column.filter(bad)[0]
        raise UserError(f"{path}: row {first(bad)} has {cell!r} as {column.name}, and that is no finite number")
    return found


def milliseconds(column: pl.Series, path: Path) -> pl.Series:
    """Return times as ms since 1970 UTC: from dates, from text, or from numbers in s, ms, us or ns by their size.

    Raises:
        UserError: a time is missing or cannot be read.
    """
    if column.dtype.is_temporal():
        found = column.cast(pl.Datetime("ms")).dt.timestamp("ms")
    else:
        number = column.cast(pl.Float64, strict=False)
        if number.null_count() == len(column):
            read = column.cast(pl.String).str.to_datetime(strict=False, time_zone="UTC", time_unit="ms")
            found = read.dt.timestamp("ms")
        else:
            size = float(np.abs(number.drop_nulls().to_numpy()).max(initial=0))
            factor = 1e3 if size < SECONDS else 1 if size < MILLISECONDS else 1e-3 if size < MICROSECONDS else 1e-6
            found = (number * factor).round().cast(pl.Int64, strict=False)
    if found.null_count():
        missing = found.is_null()
        raise UserError(
            f"{path}: row {first(missing)} has {column[first(missing) - 1]!r} as timestamp, and that is no time"
        )
    return found.alias("timestamp")


def first(mask: pl.Series) -> int:
    """Return the number of the first row that is true, counted from 1."""
    return int(mask.arg_true()[0]) + 1
