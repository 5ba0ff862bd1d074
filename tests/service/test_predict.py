"""Ratings from Python: what users and newcomers would say of an item, by the ids of the data."""

import polars as pl
import pytest

import serendip
from serendip.data.dataset import Dataset
from serendip.models.contract import Model

RATED = {"user": list("aabbc"), "item": list("xyxyx"), "rating": [4, 5, 2, 3, 3]}  # y is rated one higher than x


@pytest.fixture(scope="module")
def data() -> Dataset:
    return serendip.read(RATED)


@pytest.fixture(scope="module")
def model(data: Dataset) -> Model:
    return serendip.SlopeOne().fit(data)


def test_each_user_is_asked_about_one_item(data: Dataset, model: Model) -> None:
    found = serendip.predict(model, data, ["y", "x"], users=["c", "a"])
    assert found.schema == {"user_id": pl.String, "item_id": pl.String, "rating": pl.Float32}
    assert found.rows() == [("c", "y", 4.0), ("a", "x", pytest.approx(4.0))]


def test_a_newcomer_brings_ratings(data: Dataset, model: Model) -> None:
    found = serendip.predict(model, data, ["y", "y"], history=[{"x": 2}, {"x": 4.0}])
    assert found.rows() == [("1", "y", 3.0), ("2", "y", 5.0)]


def test_a_newcomer_with_ratings_is_as_one_who_was_fitted() -> None:
    events = {**RATED, "type": ["rating"] * 4 + ["view"], "rating": [4, 5, 2, 3, None]}
    data = serendip.read(events)
    model = serendip.ItemKNN().fit(data)
    known = serendip.predict(model, data, ["y"], users=["a"])
    assert serendip.predict(model, data, ["y"], history=[{"x": 4, "y": 5}])["rating"][0] == known["rating"][0]


def test_a_low_rating_of_a_newcomer_is_no_interest(data: Dataset) -> None:
    found = serendip.recommend(serendip.ItemKNN().fit(data), data, history=[{"x": 2}, {"x": 5}])
    assert found["user_id"].to_list() == ["2"]  # the model knows nothing of the first


def test_a_sentence_for_what_cannot_be_predicted(data: Dataset, model: Model) -> None:
    with pytest.raises(serendip.UserError, match="one item of each user: there are 1 and 2"):
        serendip.predict(model, data, ["y"], users=["a", "b"])
    with pytest.raises(serendip.UserError, match="predicts no ratings"):
        serendip.predict(serendip.Popular().fit(data), data, ["y"], users=["a"])
    with pytest.raises(serendip.UserError, match="not both"):
        serendip.predict(model, data, ["y"], users=["a"], history=[["x"]])
    for slip in ("5", None, float("nan")):
        with pytest.raises(serendip.UserError, match=f"rates item 'x' with {slip!r}"):
            serendip.predict(model, data, ["y"], history=[{"x": slip}])
    plain = serendip.read({"user": list("aab"), "item": list("xyx")})
    with pytest.raises(serendip.UserError, match="the events have none"):
        serendip.recommend(serendip.Popular().fit(plain), plain, history=[{"x": 5}])
