"""Tasks out of tuples, so that a test reads as a table."""

from collections.abc import Callable, Sequence

import polars as pl
import pytest

from serendip.data.interactions import InteractionRules
from serendip.data.tables import Tables
from serendip.evaluation.task import Task

Rows = Sequence[tuple[object, ...]]
Make = Callable[..., Task]


def frame(rows: Rows, columns: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame([tuple(row) for row in rows], schema=list(columns[: len(rows[0])]), orient="row")


@pytest.fixture
def make() -> Make:
    """Return what makes a task of tuples (user, item, ...); history and candidates are pairs."""

    def task(
        train: Rows,
        test: Rows,
        *,
        columns: Sequence[str] = ("user_id", "item_id", "value"),
        history: Rows | None = None,
        candidates: Rows | None = None,
        keep_seen: bool = False,
    ) -> Task:
        return Task.of_tables(
            Tables(frame(train, columns)),
            frame(test, columns),
            InteractionRules(weights={}),
            history=None if history is None else frame(history, columns),
            candidates=None if candidates is None else frame(candidates, columns),
            keep_seen=keep_seen,
        )

    return task
