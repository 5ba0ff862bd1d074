"""A ranker over retrievers: what it is told, that it knows nothing of later, and that it learns."""

import numpy as np
import polars as pl
import pytest

from serendip.checks.contract import recall
from serendip.checks.toys import checkerboard, planted
from serendip.data.dataset import Dataset, in_context
from serendip.data.split import by_time
from serendip.data.tables import Tables
from serendip.evaluation.report import evaluate
from serendip.evaluation.task import Task
from serendip.metrics.name import parse_all
from serendip.models.described import Described, standing
from serendip.models.fields import Fields
from serendip.models.popular import Popular
from serendip.models.stacked import Stacked

pytest.importorskip("lightgbm", reason="lightgbm is not installed: pip install 'serendip[trees]'")
DAY = 86_400_000


@pytest.fixture(scope="module")
def seasons() -> Dataset:
    """People take what is new this week, and of that what is of their own kind, told by no algorithm alone."""
    random = np.random.default_rng(0)
    n = 12_000
    week, user = np.sort(random.integers(0, 12, n)), random.integers(0, 300, n)
    own = random.random(n) < 0.8
    kind = np.where(own, user % 2, random.integers(0, 2, n))
    item = week * 10 + kind * 5 + random.integers(0, 5, n)
    events = pl.DataFrame(
        {
            "user_id": [f"u{u}" for u in user],
            "item_id": [f"i{i}" for i in item],
            "timestamp": (week * 7 + random.integers(0, 7, n)) * DAY,
        }
    )
    items = pl.DataFrame({"item_id": [f"i{i}" for i in range(120)], "shelf": [str(i // 5 % 2) for i in range(120)]})
    return Dataset.of(Tables(events, items))


def test_it_learns_what_its_algorithms_do_not_know(seasons: Dataset) -> None:
    task = Task.of_split(by_time(seasons, 0.15))
    (metric,) = parse_all("ndcg@10")
    algorithms = ("popular", "trending", "content")
    alone = [evaluate(Popular(), task, [metric]).estimates[metric].mean]
    together = evaluate(Stacked(algorithms=algorithms), task, [metric]).estimates[metric].mean
    assert together > 1.2 * alone[0]


def test_what_is_told_of_a_pair_does_not_change_with_what_comes_later(seasons: Dataset) -> None:
    parts = by_time(seasons, 0.3)
    fields, children = Fields.of(seasons), (Popular().fit(parts.train),)
    changed = seasons.where((seasons.timestamp < parts.cutoff) | (seasons.user % 3 == 0))
    who = np.unique(parts.test.user)[:50].astype(np.int32)
    told = []
    for data in (seasons, changed):
        early = data.where(data.timestamp < parts.cutoff)
        queries = in_context(early.queries(who), parts.test, who)
        seen = standing(children, queries, seasons.n_items, 20)
        row, item = np.nonzero(seen.retrieved)
        told.append(Described.of(early, fields).rows(queries, seen, row, item.astype(np.int32)))
    np.testing.assert_array_equal(told[0], told[1])
    assert told[0].shape[1] == len(Described.of(parts.train, fields).names(["popular"]))


def test_offline_and_online_are_told_the_same(seasons: Dataset) -> None:
    model = Stacked(algorithms=("popular", "itemknn"), trees=20).fit(seasons)
    assert len(model.trees)
    queries = seasons.queries(np.arange(20, dtype=np.int32)).at(85 * DAY)
    together = model.score(queries)
    for b in range(3):
        np.testing.assert_allclose(model.score(queries.rows(slice(b, b + 1)))[0], together[b], atol=1e-5)
    assert not np.array_equal(together, model.score(queries.at(100 * DAY)))  # more days since the last event


def test_history_and_what_nobody_puts_forward_come_last(seasons: Dataset) -> None:
    model = Stacked(algorithms=("popular", "itemknn"), trees=20).fit(seasons)
    assert len(model.trees)
    queries = seasons.queries(np.arange(5, dtype=np.int32))
    first = model.recommend(queries, 5).item
    for b, items in enumerate(first):
        own = queries.history.item[queries.history.offset[b] : queries.history.offset[b + 1]]
        assert not np.isin(items, own).any()


def test_too_few_to_learn_from_get_the_mean_of_the_algorithms() -> None:
    toy = checkerboard()
    model = Stacked().fit(toy.data)
    assert not len(model.trees) and recall(model, toy, 1) > 0.9
    assert len(Stacked().fit(planted().data).trees)
