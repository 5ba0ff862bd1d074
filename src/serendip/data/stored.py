"""The files of a public set as they lie in a folder: plain or gzip, in UTF-8 or Latin-1."""

import gzip
from io import BytesIO
from pathlib import Path

import polars as pl

from serendip.data.tables import EVENT_SCHEMA
from serendip.errors import UserError


def find(folder: Path, name: str) -> Path | None:
    """Return the file of that name, or of that name and .gz, if it is there."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def text(folder: Path, name: str) -> str:
    """Return a file's text; Latin-1 where it is not UTF-8.

    Raises:
        UserError: the file is not there, or its gzip is damaged.
    """
    path = find(folder, name)
    if path is None:
        raise UserError(f"there is no {name} in {folder}")
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def table(folder: Path, name: str, columns: list[str] | None = None, separator: str = "\t") -> pl.DataFrame:
    """Return a file's rows, all as text; `columns` names them where the file has no header. A "::" separates too."""
    content = text(folder, name).replace("\r\n", "\n")
    if separator == "::":
        content, separator = content.replace("::", "\t"), "\t"
    return pl.read_csv(
        BytesIO(content.encode()),
        separator=separator,
        has_header=columns is None,
        new_columns=columns,
        infer_schema=False,
        quote_char='"' if separator == "," else None,
    )


def lists(folder: Path, name: str) -> pl.DataFrame:
    """Return user_id, item_id of a file with a line `user item item ...` a user, in the order of the items."""
    words = pl.Series("words", text(folder, name).split("\n")).str.strip_chars().str.split(" ")
    lines = pl.DataFrame({"user_id": words.list.first(), "item_id": words.list.slice(1)})
    return lines.filter(pl.col("item_id").list.len() > 0).explode("item_id")


def events(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Return rows (user_id, item_id, and value and timestamp in seconds where there are) as events of one type."""
    given = {"user_id": pl.col("user_id"), "item_id": pl.col("item_id"), "type": pl.lit(kind)}
    if "value" in rows.columns:
        given["value"] = pl.col("value").cast(pl.Float64)
    if "timestamp" in rows.columns:
        given["timestamp"] = pl.col("timestamp").cast(pl.Int64) * 1000
    return rows.select(given.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in EVENT_SCHEMA.items())
