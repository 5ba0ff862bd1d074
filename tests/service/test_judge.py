"""Judging from Python: data frames with intervals, by the same rules as the commands."""

import numpy as np
import polars as pl
import pytest

import serendip
from serendip.checks.toys import planted
from serendip.data.dataset import Dataset
from serendip.data.shop import simulate
from serendip.data.split import folds
from serendip.service.read import dataset


@pytest.fixture(scope="module")
def data() -> Dataset:
    return planted().data


def mean(found: pl.DataFrame, algorithm: str, metric: str) -> float:
    return float(found.filter(algorithm=algorithm, metric=metric)["mean"].item())


def test_a_row_for_each_algorithm_and_metric_with_its_interval(data: Dataset) -> None:
    parts = serendip.split(data, "last-share")
    found = serendip.evaluate(["popular", serendip.EASE(l2=20.0)], parts, "ndcg@10,hr@5")
    assert found.select("algorithm", "metric").rows() == [
        ("popular", "ndcg@10"), ("popular", "hr@5"), ("ease(l2=20.0)", "ndcg@10"), ("ease(l2=20.0)", "hr@5"),
    ]  # fmt: skip
    assert (found["low"] <= found["mean"]).all() and (found["mean"] <= found["high"]).all()
    assert mean(found, "ease(l2=20.0)", "ndcg@10") > mean(found, "popular", "ndcg@10")


def test_two_settings_of_one_algorithm_are_told_apart(data: Dataset) -> None:
    found = serendip.evaluate(
        [serendip.EASE(l2=1.0), serendip.EASE(l2=1e5)], serendip.split(data, "last-share"), "hr@5"
    )
    assert found["algorithm"].to_list() == ["ease(l2=1.0)", "ease(l2=100000.0)"]


def test_only_what_counts_as_success_is_relevant() -> None:
    low = pl.DataFrame({"user_id": ["a", "a", "b", "b"], "item_id": ["x", "y", "x", "y"], "rating": [5, 1, 4, 5]})
    data = serendip.read(low.with_columns(timestamp=pl.Series([1_600_000_000, 1_600_000_100] * 2)))
    found = serendip.evaluate("popular", serendip.split(data, "last-out"), "hr@1")
    assert mean(found, "popular", "hr@1") == 0  # b's y: nobody liked it before; a's 1 of 5 is nothing to find


def test_errors_are_of_all_ratings(data: Dataset) -> None:
    split = serendip.split(data, "random")
    found = serendip.evaluate("userknn", split, "rmse,recall@10")
    assert found["metric"].to_list() == ["recall@10", "rmse"]
    assert split.test.value is not None
    assert 0 < mean(found, "userknn", "rmse") < 1.5 * float(np.std(split.test.value))


def test_users_without_a_history_are_warned_of() -> None:
    frame = pl.DataFrame(
        {"user_id": list("aabbccdd"), "item_id": list("xyxyxyxy"), "timestamp": range(10**9, 10**9 + 8)}
    )
    with pytest.warns(UserWarning, match="bring no history"):
        serendip.evaluate("popular", serendip.split(serendip.read(frame)), "hr@1")


def test_an_unknown_name_names_the_nearest(data: Dataset) -> None:
    with pytest.raises(serendip.UserError, match=r"serendip\.split\(data\)"):
        serendip.evaluate("ease", data)
    with pytest.raises(serendip.UserError, match="did you mean 'ease'"):
        serendip.evaluate("eas", serendip.split(data))


def test_the_leaderboard_is_in_order_and_paired_with_popular() -> None:
    data = dataset(simulate(seed=1, n_users=300, n_items=80, days=60).tables)
    with pytest.warns(UserWarning, match="withheld instead"):
        board = serendip.compare(data, ["itemknn"], metric="recall@10")
    assert set(board["algorithm"]) == {"popular", "itemknn"}
    assert board.columns[:4] == ["algorithm", "recall@10", "low", "high"]
    assert board["recall@10"].is_sorted(descending=True)
    ours = board.filter(algorithm="itemknn").row(0, named=True)
    theirs = board.filter(algorithm="popular").row(0, named=True)
    assert ours["over_popular"] == pytest.approx(ours["recall@10"] - theirs["recall@10"])
    assert theirs["p"] is None and not theirs["beyond_doubt"]


def test_cross_validation_tells_the_mean_and_how_far_folds_differ(data: Dataset) -> None:
    found = serendip.cross_validate(["popular", "svd"], data, "hr@5", k=3)
    assert found.select("algorithm", "metric").rows() == [("popular", "hr@5"), ("svd", "hr@5")]
    each = [mean(serendip.evaluate("popular", fold, "hr@5"), "popular", "hr@5") for fold in folds(data, 3)]
    assert found["mean"][0] == pytest.approx(np.mean(each), abs=0.02)
    assert (found["deviation"] > 0).all()
