"""Every user's slate into the recommendation table, with reasons; and out of it into a file."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from serendip.arrays import I32
from serendip.data.dataset import Dataset
from serendip.data.slates import Slates
from serendip.errors import UserError
from serendip.models.contract import Progress
from serendip.service.live import Live
from serendip.service.reasons import reasons
from serendip.service.whole import write_whole

BLOCK = 512  # users whose slates are made at once


def generate(
    live: Live, data: Dataset, k: int = 10, progress: Progress | None = None, *, explained: bool = True
) -> int:
    """Write a slate for every user of the data set; return how many users have one.

    Readers of the table see the slates that were there until the last block is written.
    """
    return live.store.put_recommendations(live.version, blocks(live, data, k, progress, explained))


def blocks(
    live: Live, data: Dataset, k: int, progress: Progress | None, explained: bool
) -> Iterator[tuple[I32, Slates, Sequence[Sequence[str]] | None]]:
    """Give users, their slates and a reason a position, block by block."""
    pipeline, n = live.pipeline, data.n_users
    for first in range(0, n, BLOCK):
        user = np.arange(first, min(first + BLOCK, n), dtype=np.int32)
        queries = data.queries(user)
        slates, stage = pipeline.traced(queries, k, exclude=queries.history.lists)
        said = None
        if explained:
            words = [[""] * k for _ in user]
            for which, model in ((0, pipeline.model), (1, pipeline.fallback)):
                row, place = np.nonzero(stage == which)
                if model is None or not len(row):
                    continue
                texts = reasons(model, queries, slates.item[row, place], row, live.catalogue.titles)
                for r, p, text in zip(row, place, texts, strict=True):
                    words[r][p] = text
            said = words
        yield user, slates, said
        if progress is not None:
            progress("writing slates, users", min(first + BLOCK, n), n)


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
        raise UserError("there are no recommendations yet: make them with `serendip generate`")
    columns = ["user_id", "position", "item_id", "title", "score", "reason"]
    out = io.BytesIO()
    write(pl.DataFrame(rows, schema=columns, orient="row"), out)
    write_whole(path, out.getvalue())
    return len(rows)
