"""From the text of a cell to ids, numbers, timestamps and lists; what cannot be read becomes null."""

from itertools import product

import polars as pl

MISSING = ("", "NA", "N/A", "n/a", "null", "NULL", "Null", "None", "NaN", "nan", r"\N", "(no genres listed)")
EPOCH = "epoch"
COMPACT = "%Y%m%d"
DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%y")
MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m.%d.%Y", "%m/%d/%y")
DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", *DAY_FIRST, *MONTH_FIRST)
NAMED = ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%m %d, %Y")
TIMES = ("", " %H:%M", " %H:%M:%S%.f", "T%H:%M:%S%.f", "T%H:%M", " %I:%M %p", " %I:%M:%S %p")
ZONED = ("%+", "%Y-%m-%d %H:%M:%S%.f %#z", "%a, %d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %z %Y")
FORMATS = (*ZONED, "%Y-%m-%d %H:%M:%S%.f UTC", *(d + t for d, t in product((*DATES, *NAMED), TIMES)))
# what a stray cell may look like beside the format of its column; never a day and a month the other way round
ELSE = ("%+", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
DAY = 86_400_000  # ms
FIRST_YEAR, LAST_YEAR = 1900, 2261


def clean(column: pl.Expr) -> pl.Expr:
    """Trim, and make the usual markers of a missing value null."""
    trimmed = column.str.strip_chars()
    return pl.when(trimmed.is_in(MISSING).not_()).then(trimmed)


def ids(cells: pl.Series) -> pl.Series:
    """Read ids: text, trimmed; 1.0 is 1; leading zeros stay."""
    found = clean_series(cells)
    if not found.str.ends_with(".0").any():  # the pattern costs more than all the rest
        return found
    return found.str.replace(r"^(-?\d+)\.0$", "$1")


def numbers(column: pl.Expr, decimal_comma: bool = False) -> pl.Expr:
    """Read numbers as Float64; NaN and infinities come as they are, to be judged by the caller."""
    trimmed = column.str.strip_chars()
    if decimal_comma:
        trimmed = trimmed.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return trimmed.cast(pl.Float64, strict=False)


def prices(column: pl.Expr, decimal_comma: bool = False) -> pl.Expr:
    """Read amounts of money: a currency sign or code around the number and thousands separators are left out."""
    bare = column.str.replace_all(r"^[^\d+\-.,]+|[^\d.,]+$", "")
    if not decimal_comma:
        bare = bare.str.replace_all(r",(\d{3})", "$1")
    read = numbers(bare, decimal_comma)
    return pl.when(read.is_finite()).then(read)


def lists(column: pl.Expr, separator: str) -> pl.Expr:
    """Read multi-valued cells, also those written as JSON or Python lists, as List(String) without empty entries."""
    bare = clean(column).str.replace_all(r"^\[|\]$", "")
    parts = bare.str.split(separator).list.eval(pl.element().str.strip_chars(" '\"\t"))
    return parts.list.eval(pl.element().filter(pl.element() != ""))


def vectors(column: pl.Expr, separator: str) -> pl.Expr:
    """Read embeddings as List(Float32); one with a number that cannot be read, or is not finite, is missing."""
    read = lists(column, separator).cast(pl.List(pl.Float32), strict=False)
    return pl.when(read.list.eval(pl.element().is_finite().fill_null(False)).list.all()).then(read)


def vector_separator(cells: pl.Series) -> str:
    """Return what stands between the numbers of embeddings; empty where the cells are none.

    Embeddings are lists of numbers, as many in each cell, of which some have a fraction: two or more in brackets or
    between bars, else four or more, since 1.234,50 is one number and "52.37, 4.89" a place.
    """
    some = clean_series(cells).drop_nulls().head(200)
    if (
        some.is_empty()
        or not some.str.contains(r"^\[?\s*-?\d[^|,; ]*[|,; ]").all()
        or not some.str.contains(r"\.\d").any()
    ):
        return ""
    for separator in ("|", ";", ",", " "):
        if some.str.contains(separator, literal=True).all():
            sizes = some.to_frame("t").select(vectors(pl.col("t"), separator).list.len()).to_series()
            least = 2 if separator == "|" or some.str.starts_with("[").all() else 4
            return separator if sizes.null_count() == 0 and sizes.n_unique() == 1 and sizes[0] >= least else ""
    return ""


def timestamps(cells: pl.Series, form: str) -> pl.Series:
    """Read timestamps of one format (`EPOCH` or a strptime pattern) and stray ISO ones as Int64 ms, UTC by default."""
    name = "t"
    found = cells.alias(name).str.strip_chars().to_frame().select(_read(pl.col(name), form)).to_series()
    for other in (*ELSE, EPOCH):
        if other == form:
            continue
        left = found.is_null() & cells.is_not_null()
        if not left.any():
            break
        some = cells.filter(left).alias(name).str.strip_chars().to_frame()
        if other == EPOCH:  # 9 digits at least: a year or a plain number is no time
            some = some.select(pl.when(pl.col(name).str.contains(r"^\d{9,19}(\.\d+)?$")).then(pl.col(name)))
        read = some.select(_read(pl.col(name), other)).to_series()
        if read.null_count() < len(read):
            found = found.scatter(left.arg_true(), read)
    return found.alias(cells.name)


def _read(column: pl.Expr, form: str) -> pl.Expr:
    if form == EPOCH:
        return _epoch(column)
    read = column.str.to_datetime(form, time_unit="ms", strict=False, ambiguous="earliest")
    year = read.dt.year()
    return pl.when(year.is_between(FIRST_YEAR, LAST_YEAR)).then(read.dt.epoch("ms"))


def _epoch(column: pl.Expr) -> pl.Expr:
    """Tell seconds, milliseconds, microseconds and nanoseconds by magnitude: seconds are below 10^11, and so on."""
    n = column.cast(pl.Int64, strict=False)
    whole = (
        pl.when(n.abs() < 10**11)
        .then(n * 1000)
        .when(n.abs() < 10**14)
        .then(n)
        .when(n.abs() < 10**17)
        .then(n // 1000)
        .otherwise(n // 1_000_000)
    )
    x = column.cast(pl.Float64, strict=False)
    size = x.abs()
    scale = pl.when(size < 1e11).then(1e3).when(size < 1e14).then(1.0).when(size < 1e17).then(1e-3).otherwise(1e-6)
    fraction = pl.when(x.is_finite() & (size < 1e19)).then((x * scale).round(3).floor()).cast(pl.Int64, strict=False)
    return pl.when(n.is_not_null()).then(whole).otherwise(fraction)


def recognise_time(cells: pl.Series, least: float = 0.5) -> tuple[str, str] | None:
    """Find the format that most of the cells have, with a sentence where it was a choice; None where the share is less
    than `least`."""
    some = clean_series(cells).drop_nulls().head(2000)
    if some.is_empty():
        return None
    plain = some.cast(pl.Float64, strict=False)
    if plain.null_count() < len(some) / 2:
        day = some.str.contains(r"^(19|20)\d{6}$")
        if day.all() and _share(some, COMPACT) == 1.0:
            return COMPACT, ""
        big = plain.drop_nulls().abs()
        return (EPOCH, "") if (big >= 1e8).sum() >= len(big) / 2 else None
    shares = [(share, form) for form in FORMATS if (share := _share(some, form)) >= least]
    if not shares:
        return None
    best = max(share for share, _ in shares)
    forms = [form for share, form in shares if share == best]
    pairs = [(d + t, m + t) for d, m in zip(DAY_FIRST, MONTH_FIRST, strict=True) for t in TIMES]
    for day_first, month_first in pairs:
        if day_first in forms[:2] and month_first in forms:
            chosen, why = _order(some, day_first, month_first)
            return chosen, why
    return forms[0], ""


def _order(some: pl.Series, day_first: str, month_first: str) -> tuple[str, str]:
    """Choose between day and month first: the one in which the file is in time order; else month first, and say so."""
    rising = [_rising(some, form) for form in (day_first, month_first)]
    words = {day_first: "day/month", month_first: "month/day"}
    if rising[0] != rising[1]:
        form = day_first if rising[0] > rising[1] else month_first
        return (
            form,
            f"dates could be day/month or month/day: read as {words[form]}, in which the rows are in time order",
        )
    if "/" not in day_first:
        return day_first, "dates could be day-month or month-day: read as day first"
    return month_first, "dates could be day/month or month/day: read as month/day; nothing in the file tells"


def _rising(some: pl.Series, form: str) -> float:
    step = _parsed(some, form).diff().drop_nulls()
    return round(int((step >= 0).sum()) / len(step), 2) if len(step) else 0.0


def _parsed(some: pl.Series, form: str) -> pl.Series:
    return some.alias("t").to_frame().select(_read(pl.col("t"), form)).to_series()


def _share(some: pl.Series, form: str) -> float:
    first = some.head(20)
    if len(some) > 20 and _parsed(first, form).null_count() == len(first):
        return 0.0
    return 1 - _parsed(some, form).null_count() / len(some)


def clean_series(cells: pl.Series) -> pl.Series:
    """Apply `clean` to one column."""
    return cells.alias("t").to_frame().select(clean(pl.col("t"))).to_series()
