"""Every user's slate into the recommendation table, with reasons; and out of it into a file."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from serendip.arrays import I32, ItemLists, offsets
from serendip.data.dataset import Dataset
from serendip.data.queries import Queries
from serendip.data.slates import Slates
from serendip.errors import UserError
from serendip.models.contract import Progress
from serendip.pipeline.made import Asked
from serendip.pipeline.surface import Surface
from serendip.service.live import Live
from serendip.service.reasons import reasons, whys
from serendip.service.slate import Context, now
from serendip.service.surfaces import DEFAULT
from serendip.service.whole import write_whole

BLOCK = 512  # users whose slates are made at once
FEW = 10_000  # items that rules leave out for everybody, up to which the slates of a block are made at once


def generate(
    live: Live, data: Dataset, k: int = 10, progress: Progress | None = None, *, explained: bool = True,
    pipeline: str = DEFAULT, context: Context | None = None,
) -> int:  # fmt: skip
    """Write a slate for every user of the data set but those who opted out; return how many users have one.

    It is the slate that a server would give now, by a pipeline's name, its rules, and what is known of the requests.
    Readers of the table see the slates that were there until the last block is written.

    Raises:
        NotFound: there is no such pipeline.
    """
    moment = now()
    surface = live.surfaces.at(pipeline, live.pipeline, live.alike, moment)
    return live.store.put_recommendations(
        live.version, blocks(live, surface, data, k, moment, context, progress, explained)
    )


def blocks(
    live: Live, surface: Surface, data: Dataset, k: int, moment: int, context: Context | None,
    progress: Progress | None, explained: bool,
) -> Iterator[tuple[I32, Slates, Sequence[Sequence[str]] | None]]:  # fmt: skip
    """Give users, their slates and a reason a position, block by block."""
    shut, out, n, titles = surface.shut(), live.store.apart(), data.n_users, live.catalogue.titles
    for first in range(0, n, BLOCK):
        user = np.setdiff1d(np.arange(first, min(first + BLOCK, n), dtype=np.int32), out)
        queries = data.queries(user).at(moment, context)
        slates = Slates.empty(len(user), k)
        words = [[""] * k for _ in user]
        if surface.plain and len(shut) <= FEW:
            slates, words = at_once(surface, queries, k, moment, shut, titles, explained)
        for b in np.flatnonzero(slates.filled < k).tolist():
            made = surface.made(Asked(queries.rows(slice(b, b + 1)), k, seed=int(user[b]), now=moment))
            there = len(made.scored.item)
            slates.item[b, :there], slates.score[b, :there] = made.scored.item, made.scored.score
            words[b][:there] = whys(made, surface.about, titles) if explained else [""] * there
        yield user, slates, words if explained else None
        if progress is not None:
            progress("writing slates, users", min(first + BLOCK, n), n)


def at_once(
    surface: Surface, queries: Queries, k: int, moment: int, shut: I32, titles: list[str], explained: bool
) -> tuple[Slates, list[list[str]]]:
    """Return the slates of a plain pipeline for many users, less the items of `shut`, and a reason a position."""
    pipeline = surface.pipeline
    seen = [surface.stages.out(queries.history.rows(slice(b, b + 1)), moment) for b in range(len(queries))]
    every = np.concatenate([np.empty(0, np.int32), *seen])
    exclude = ItemLists(offsets(np.array([len(one) for one in seen], np.int64)), every)
    pipeline = replace(pipeline, banned=shut, static=np.setdiff1d(pipeline.static, shut, assume_unique=True))
    slates, stage = pipeline.traced(queries, k, exclude=exclude)
    words = [[""] * k for _ in range(len(queries))]
    for which, model in ((0, pipeline.model), (1, pipeline.fallback)):
        row, place = np.nonzero(stage == which)
        if not explained or model is None or not len(row):
            continue
        texts = reasons(model, queries, slates.item[row, place], row, titles)
        for r, p, text in zip(row, place, texts, strict=True):
            words[r][p] = text
    return slates, words


def writer(path: Path) -> Callable[[pl.DataFrame, BinaryIO], object]:
    """Return what writes a frame in the form that the ending of a path names: .csv, .parquet or .jsonl.

    Raises:
        UserError: the ending is none of these.
    """
    writers: Mapping[str, Callable[[pl.DataFrame, BinaryIO], object]] = {
        ".csv": pl.DataFrame.write_csv,
        ".parquet": pl.DataFrame.write_parquet,
        ".jsonl": pl.DataFrame.write_ndjson,
    }
    if path.suffix not in writers:
        raise UserError(f"{path} ends in none of {', '.join(writers)}: name the file by the form it is to have")
    return writers[path.suffix]


def export(live: Live, path: Path) -> int:
    """Write the recommendation table to a file, by its ending; return the number of rows.

    Raises:
        UserError: the ending is not known, or there are no recommendations.
    """
    write = writer(path)
    ids, rows = live.store.users(), []
    for user in range(len(ids)):
        for position, one in enumerate(live.store.recommendations(user)):
            rows.append((ids[user], position + 1, one.item_id, live.catalogue.title(one.item), one.score, one.reason))
    if not rows:
        raise UserError(f"there is nothing to write to {path}: no user has an item left that may be shown to them")
    columns = ["user_id", "position", "item_id", "title", "score", "reason"]
    out = io.BytesIO()
    write(pl.DataFrame(rows, schema=columns, orient="row"), out)
    write_whole(path, out.getvalue())
    return len(rows)
