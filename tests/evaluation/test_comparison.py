"""Leaderboards and cross-validation."""

import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.data.split import at_random
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.evaluation.comparison import cross_validate, leaderboard
from serendip.evaluation.report import evaluate
from serendip.evaluation.task import Task
from serendip.metrics.name import parse, parse_all
from serendip.models.als import ALS
from serendip.models.contract import Run
from serendip.models.ease import EASE
from serendip.models.popular import Popular

NDCG = parse("ndcg@5")


@pytest.fixture(scope="module")
def tastes() -> Dataset:
    """Two camps that share no item: what is popular with one is nothing to the other."""
    random = np.random.default_rng(0)
    rows = [(f"u{u}", f"i{u % 2 * 15 + i}") for u in range(60) for i in random.permutation(15)[:8]]
    events = pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row")
    return Dataset.of(Tables(events), InteractionRules(weights={}))


def test_the_best_leads_and_beats_popularity_beyond_doubt(tastes):
    task = Task.of_split(at_random(tastes, 0.25))
    metrics = parse_all("ndcg@5,coverage@5,recall@5")
    reports = [evaluate(a, task, metrics) for a in (Popular(), EASE(l2=10.0), ALS(rank=2, epochs=5))]
    board = leaderboard(reports, NDCG)
    means = [s.report.estimates[NDCG].mean for s in board.standings]
    assert means == sorted(means, reverse=True)
    assert board.standings[-1].report.algorithm == "popular"
    assert board.chosen is board.standings[0]
    assert board.chosen.beyond_doubt
    assert board.chosen.against is not None
    assert board.chosen.against.difference == pytest.approx(means[0] - means[-1])


def test_without_doubt_removed_popularity_is_chosen(tastes):
    task = Task.of_split(at_random(tastes, 0.25))
    same = [evaluate(Popular(), task, [NDCG])]
    assert leaderboard(same, NDCG).chosen.report.algorithm == "popular"


def test_a_leaderboard_needs_names_a_baseline_and_a_metric_to_sort_by(tastes):
    task = Task.of_split(at_random(tastes, 0.25))
    metrics = parse_all("ndcg@5,coverage@5,popularity_lift@5")
    popular = evaluate(Popular(), task, metrics)
    with pytest.raises(UserError, match="more than once"):
        leaderboard([popular, popular], NDCG)
    with pytest.raises(UserError, match="no baseline named 'popular'"):
        leaderboard([evaluate(EASE(), task, metrics)], NDCG)
    for name in ("coverage@5", "popularity_lift@5"):
        with pytest.raises(UserError, match="cannot be what a leaderboard sorts by"):
            leaderboard([popular], parse(name))


def test_a_report_is_plain_data_and_the_same_for_the_same_seed(tastes):
    task = Task.of_split(at_random(tastes, 0.25))
    first, second = (evaluate(ALS(rank=3), task, [NDCG], Run(seed=4)).plain() for _ in range(2))
    assert set(first) == {"algorithm", "hyperparameters", "metrics", "n_users", "fit_seconds", "evaluate_seconds",
                          "peak_memory_mb"}  # fmt: skip
    assert first["metrics"] == second["metrics"]
    assert first["hyperparameters"] == ALS(rank=3).settings()
    assert first["peak_memory_mb"] > 10  # the interpreter with NumPy alone takes more


def test_users_without_history_are_reported_apart(tastes):
    test = pl.DataFrame({"user_id": ["u0", "new", "newer"], "item_id": ["i1", "i2", "i16"]})
    events = pl.DataFrame({"user_id": tastes.users.take(tastes.user), "item_id": tastes.items.take(tastes.item)})
    task = Task.of_tables(Tables(events), test, InteractionRules())
    report = evaluate(Popular(), task, [parse("hr@30")])
    assert (report.n_users, report.n_cold) == (3, 2)
    assert report.cold[parse("hr@30")].mean == 1
    assert report.cold[parse("hr@30")].n_users == 2


def test_cross_validation_judges_every_algorithm_on_the_same_folds(tastes):
    popular, ease = cross_validate([Popular(), EASE(l2=10.0)], tastes, [NDCG], k=3)
    assert (popular.algorithm, len(popular.folds)) == ("popular", 3)
    assert ease.mean(NDCG) > popular.mean(NDCG)
    assert ease.deviation(NDCG) == pytest.approx(np.std([f.estimates[NDCG].mean for f in ease.folds], ddof=1))
    assert [f.n_users for f in popular.folds] == [f.n_users for f in ease.folds]
