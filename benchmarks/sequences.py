"""The protocols of sequences and sessions; the order of a history is all the time that there is."""

from collections.abc import Callable, Iterator

import polars as pl

from serendip.data.catalogue import load_split
from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.data.split import last_out
from serendip.data.tables import Tables
from serendip.evaluation.task import Task

RULES = InteractionRules(weights={})  # every row weighs 1
LATE = 20  # one session of so many, the latest, is for validation
PAIR = ["user_id", "item_id"]


def next_item(name: str) -> Callable[[], Iterator[tuple[Task, Task]]]:
    """Return the task of each user's last item; validation is on the one before it.

    An item's place is its time, so that what counts recent events has something to count by.
    """

    def parts() -> Iterator[tuple[Task, Task]]:
        found = load_split(name)
        place = pl.int_range(pl.len(), dtype=pl.Int64).over("user_id").alias("timestamp")
        train = Tables(found.train.events.select(*PAIR, place), found.train.items)
        test = Task.of_tables(train, found.test.events.select(PAIR), RULES)
        yield Task.of_split(last_out(Dataset.of(train, RULES))), test

    return parts


def sessions() -> Iterator[tuple[Task, Task]]:
    """Give what follows each prefix of a session; validation is on the prefixes of the latest training sessions."""
    found = load_split("session-diginetica")
    assert found.history is not None
    train = found.train.events.select(PAIR)  # in time order
    session = train["user_id"].unique(maintain_order=True)
    late = train["user_id"].is_in(session.tail(len(session) // LATE).implode())
    history, test = prefixes(train.filter(late), train.filter(~late)["item_id"].unique())
    validation = Task.of_tables(Tables(train.filter(~late)), test, RULES, history=history, keep_seen=True)
    asked = found.test.events.select(PAIR)
    yield validation, Task.of_tables(Tables(train), asked, RULES, history=found.history.select(PAIR), keep_seen=True)


def prefixes(events: pl.DataFrame, known: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what each prefix holds, and the item that follows it where it is known; every prefix is a user."""
    placed = events.with_columns(pl.int_range(pl.len()).over("user_id").alias("place"))
    after = placed.filter(pl.col("place") > 0, pl.col("item_id").is_in(known.implode()))
    case = pl.format("{}/{}", "user_id", "place")
    test = after.select(case.alias("user_id"), "item_id")
    longer = placed.join(after.select("user_id", pl.col("place").alias("end")), on="user_id", maintain_order="left")
    held = longer.filter(pl.col("place") < pl.col("end"))
    history = held.select(pl.format("{}/{}", "user_id", "end").alias("user_id"), "item_id")
    return history, test
