"""Attributes of users and items: what kinds they are, kept as JSON and handed out as columns."""

import json
from collections.abc import Iterable, Mapping

import polars as pl

KINDS: Mapping[str, pl.DataType] = {
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "list": pl.List(pl.String()),
    "vector": pl.List(pl.Float32()),
    "date": pl.Datetime("ms"),
    "text": pl.String(),
}
Kinds = dict[str, str]  # column -> a name in KINDS
FEW = 16  # rows


def kind_of(series: pl.Series) -> str:
    """Return the kind of a column."""
    dtype = series.dtype
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    if isinstance(dtype, (pl.List, pl.Array)):
        return "vector" if dtype.inner.is_numeric() else "list"
    return "date" if dtype == pl.Datetime or dtype == pl.Date else "text"


def joined(old: str | None, new: str) -> str:
    """Return the kind that holds values of both: the same, a list for lists and text or vectors, else text."""
    if old is None or old == new:
        return new
    return "list" if {old, new} in ({"list", "text"}, {"list", "vector"}) else "text"


def as_kind(series: pl.Series, kind: str) -> pl.Series:
    """Return a column as another kind; whole numbers become text without a fraction."""
    old = kind_of(series)
    if kind == "number":
        return series.cast(pl.Float64).fill_nan(None)
    if kind == "list" and old not in ("list", "vector"):
        one = pl.col(series.name)
        each = pl.when(one.is_not_null()).then(pl.concat_list(one.cast(pl.String)))
        return series.to_frame().select(each.alias(series.name)).to_series()
    if kind == "text" and old == "number":
        text = series.cast(pl.Float64).fill_nan(None).cast(pl.String)
        return text.str.strip_suffix(".0")
    if kind == "text" and old in ("list", "vector"):
        return series.cast(KINDS["list"]).list.join("|")
    return series.cast(KINDS[kind])


def merged(kinds: Kinds, frame: pl.DataFrame, key: str) -> Kinds:
    """Return the kinds after `frame` came in; a column that is all missing says nothing."""
    new = dict(kinds)
    for series in frame.drop(key):
        if series.null_count() < len(series):
            new[series.name] = joined(new.get(series.name), kind_of(series))
    return new


def rows(frame: pl.DataFrame, kinds: Kinds) -> Iterable[str]:
    """Return each row's attributes as a JSON object; what is missing is left out."""
    known = [as_kind(frame[name], kinds[name]) for name in frame.columns if name in kinds]
    names = [series.name for series in known]
    plain = [_plain(series).to_list() for series in known]
    for values in zip(*plain, strict=True) if plain else [()] * len(frame):
        there = {name: v for name, v in zip(names, values, strict=True) if v is not None}
        yield json.dumps(there, ensure_ascii=False, separators=(",", ":"))


def _plain(series: pl.Series) -> pl.Series:
    """Return a column as JSON has it: moments in ms, numbers of vectors with no more digits than a float32 needs."""
    if series.dtype == pl.Datetime:
        return series.dt.epoch("ms")
    return series.cast(KINDS["list"]).cast(pl.List(pl.Float64)) if series.dtype == KINDS["vector"] else series


def columns(texts: list[str], kinds: Kinds) -> pl.DataFrame | None:
    """Return JSON objects as columns, one row each, null where missing; None where there are no attributes."""
    if not kinds:
        return None
    if len(texts) <= FEW:
        return some(texts, kinds)
    stored = {name: pl.Int64() if kind == "date" else KINDS[kind] for name, kind in kinds.items()}
    frame = pl.Series("attributes", texts, pl.String).str.json_decode(pl.Struct(stored)).struct.unnest()
    return frame.with_columns(pl.col(n).cast(KINDS["date"]) for n, kind in kinds.items() if kind == "date")


def some(texts: list[str], kinds: Kinds) -> pl.DataFrame:
    """Return what `columns` does without waking polars' threads: a slate asks for one row and has no time for them."""
    found = [json.loads(text) for text in texts]
    made = []
    for name, kind in kinds.items():
        values = [row.get(name) for row in found]
        if kind == "date":
            made.append(pl.Series(name, values, pl.Int64()).cast(KINDS["date"]))
        else:
            made.append(pl.Series(name, values, KINDS[kind]))
    return pl.DataFrame(made)
