"""What models compete on: what is withheld, and what is said of it."""

import numpy as np
import polars as pl
import pytest

from serendip.config import Evaluation, Settings
from serendip.data.dataset import Dataset
from serendip.data.tables import Tables
from serendip.service.portfolio import contest


@pytest.mark.parametrize(("name", "ordered"), [("i{:03}", True), ("{}", True), ("i{}", False)])
def test_rows_in_the_order_of_the_items_are_in_no_order_of_time(name: str, ordered: bool) -> None:
    random = np.random.default_rng(0)
    rows = [(f"u{u}", i) for u in range(60) for i in sorted(random.choice(200, 8, replace=False).tolist())]
    if not ordered:
        random.shuffle(rows)
    events = pl.DataFrame([(user, name.format(item)) for user, item in rows], ["user_id", "item_id"], orient="row")
    found = contest(Dataset.of(Tables(events)), Settings())
    assert found.parts.name == ("random" if ordered else "last-share")
    said = "stand in the order of the items" if ordered else "in the order in which they came"
    assert found.note.startswith("a split in time needs timestamps and the events have none: ") and said in found.note


def test_pairs_that_come_again_are_left_out_and_that_is_said() -> None:
    events = pl.DataFrame({
        "user_id": np.repeat([f"u{u}" for u in range(20)], 10),
        "item_id": [f"i{i}" for _ in range(20) for i in (0, 1, 2, 3, 4, 5, 6, 7, 8, 0)],  # the last was there first
        "timestamp": 1_600_000_000_000 + 1000 * np.arange(200),
    })  # fmt: skip
    found = contest(Dataset.of(Tables(events)), Settings(evaluation=Evaluation(split="last-share")))
    assert (len(found.parts.test), found.n_test) == (20, 20)  # of two withheld events a user one is new
    (said,) = [leak.sentence for leak in found.leaks if leak.kind == "duplicate pairs"]
    assert said.startswith("20 of 40 pairs") and said.endswith("are no test of foresight, and are left out of it")
