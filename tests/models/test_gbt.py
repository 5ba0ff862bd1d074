"""Boosted trees on categories: labels, context, and what is unknown."""

import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.split import at_random
from serendip.data.tables import Tables
from serendip.evaluation.report import evaluate
from serendip.evaluation.task import Task
from serendip.metrics.name import parse_all
from serendip.models.gbt import GBT

pytest.importorskip("lightgbm", reason="lightgbm is not installed: pip install 'serendip[trees]'")


@pytest.fixture(scope="module")
def day() -> Dataset:
    """In the morning people want the first half of the items, in the evening the other."""
    random = np.random.default_rng(0)
    user, item, evening = (random.integers(0, below, 4000) for below in (40, 20, 2))
    events = pl.DataFrame(
        {
            "user_id": [f"u{u}" for u in user],
            "item_id": [f"i{i:02}" for i in item],
            "context.part": pl.Series(["morning", "evening"]).gather(evening),
            "label": ((item >= 10) == (evening == 1)).astype(float),
        }
    )
    return Dataset.of(Tables(events))


def test_labels_make_probabilities_in_a_context(day: Dataset) -> None:
    report = evaluate(GBT(trees=60), Task.of_split(at_random(day, 0.3)), parse_all("auc,logloss"))
    auc, loss = (e.mean for e in report.estimates.values())
    assert auc > 0.98 and loss < 0.3


def test_the_context_decides_and_an_unknown_one_is_a_value_of_its_own(day: Dataset) -> None:
    model = GBT(trees=60).fit(day)
    someone = day.queries(np.zeros(1, np.int32))
    for part in ("morning", "evening"):
        best = day.items.take(model.recommend(someone.at(context={"part": part}), 8).item[0])
        assert np.mean([int(i[1:]) >= 10 for i in best]) == (part == "evening")
    never, none = (model.score(q) for q in (someone.at(context={"part": "night"}), someone))
    np.testing.assert_array_equal(never, none)
