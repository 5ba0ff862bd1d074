"""Rows that could not be loaded: of which file, why and where; and those that matter no more."""

from dataclasses import dataclass

import polars as pl

from serendip.errors import NotFound, nearest
from serendip.store.store import Store

FIRST = 3  # rows that are shown of each reason


@dataclass(frozen=True)
class Aside:
    """Rows of one file that were put aside for one reason. lines, rows: the first of them."""

    file: str
    reason: str
    count: int
    lines: tuple[int, ...]
    rows: tuple[str, ...]


def aside(store: Store, file: str | None = None) -> list[Aside]:
    """Return what was put aside of a file, of every file where none is named: by file, the commonest reason first.

    Raises:
        NotFound: nothing was put aside of such a file.
    """
    every = store.quarantined()
    known(every, file)
    found = every if file is None else every.filter(pl.col("file") == file)
    grouped = found.group_by("file", "reason", maintain_order=True).agg(
        pl.len().alias("count"), pl.col("line").head(FIRST), pl.col("row").fill_null("").head(FIRST)
    )
    ranked = grouped.sort("file", "count", "reason", descending=[False, True, False])
    return [Aside(name, why, n, tuple(lines), tuple(rows)) for name, why, n, lines, rows in ranked.iter_rows()]


def forget(store: Store, file: str | None = None) -> int:
    """Forget what was put aside; return how many rows. What was loaded of the file stays.

    Raises:
        NotFound: nothing was put aside of such a file.
    """
    known(store.quarantined(), file)
    return store.forget_quarantined(file)


def known(quarantined: pl.DataFrame, file: str | None) -> None:
    """Raise NotFound where nothing was put aside of a file."""
    names = quarantined["file"].unique().to_list()
    if file is not None and file not in names:
        raise NotFound(f"no row of {file!r} is in quarantine{nearest(file, names)}")
