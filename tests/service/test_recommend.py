"""Slates from Python: the ids and titles of the data, nothing seen before, newcomers by what they bring."""

import polars as pl
import pytest

import serendip
from serendip.checks.toys import checkerboard
from serendip.data.dataset import Dataset
from serendip.data.queries import Queries
from serendip.data.slates import Slates
from serendip.models.contract import Model


@pytest.fixture(scope="module")
def data() -> Dataset:
    return checkerboard().data


@pytest.fixture(scope="module")
def model(data: Dataset) -> Model:
    return serendip.EASE(l2=1.0).fit(data)


def seen(data: Dataset, user_id: str) -> set[str]:
    return set(data.items.take(data.item[data.user == data.users.get(user_id)]))


def test_slates_carry_ids_ranks_and_titles(data: Dataset, model: Model) -> None:
    found = serendip.recommend(model, data, ["u3", "u4"], k=1)
    assert found.rows() == [
        ("u3", 1, "i3", title(data, "i3"), pytest.approx(found["score"][0])),
        ("u4", 1, "i4", title(data, "i4"), pytest.approx(found["score"][1])),
    ]  # the withheld one of each
    assert found.columns == ["user_id", "rank", "item_id", "title", "score"]


def title(data: Dataset, item_id: str) -> str:
    assert data.item_features is not None
    return str(data.item_features["title"][data.items.get(item_id)])


def test_what_was_seen_comes_only_when_asked_for(data: Dataset, model: Model) -> None:
    new = serendip.recommend(model, data, ["u3"], k=5)
    assert not set(new["item_id"]) & seen(data, "u3")
    again = serendip.recommend(model, data, ["u3"], k=5, keep_seen=True)
    assert set(again["item_id"]) & seen(data, "u3")


def test_everyone_where_nobody_is_named(data: Dataset, model: Model) -> None:
    found = serendip.recommend(model, data, k=2)
    assert found["user_id"].unique(maintain_order=True).to_list() == data.users.series.to_list()


def test_a_newcomer_is_answered_by_what_they_bring(data: Dataset, model: Model) -> None:
    found = serendip.recommend(model, data, history=[["i0", "i2"], ["i1"]], k=4)
    kind = found.with_columns(parity=pl.col("item_id").str.strip_prefix("i").cast(pl.Int32) % 2)
    assert kind.filter(user_id="1")["parity"].to_list() == [0] * 4
    assert kind.filter(user_id="2")["parity"].to_list() == [1] * 4


def test_a_newcomer_counts_as_much_as_a_user_with_these_items() -> None:
    frame = pl.DataFrame({"user_id": list("aabbcc"), "item_id": list("xyxyxz"), "rating": [5.0] * 6})
    data = serendip.read(frame)
    model = serendip.EASE(l2=1.0).fit(data)
    user = serendip.recommend(model, data, ["a"], k=1)["score"].item()
    assert serendip.recommend(model, data, history=[["x", "y"]], k=1)["score"].item() == pytest.approx(user)


def test_a_pipeline_fills_up_from_its_fallback(data: Dataset, model: Model) -> None:
    assert serendip.recommend(model, data, history=[[]], k=3).is_empty()
    behind = serendip.Pipeline(model, serendip.Popular().fit(data))
    assert len(serendip.recommend(behind, data, history=[[]], k=3)) == 3


def test_what_is_not_ours_may_recommend_too(data: Dataset) -> None:
    class First:
        def recommend(self, queries: Queries, k: int) -> Slates:
            import numpy as np

            item = np.tile(np.arange(k, dtype=np.int32), (len(queries), 1))
            return Slates(item, -item.astype(np.float32))

    found = serendip.recommend(First(), data, ["u3"], k=6)
    assert set(found["item_id"]) == set(data.items.take(range(6))) - seen(data, "u3")


def test_unknown_ids_are_told(data: Dataset, model: Model) -> None:
    with pytest.raises(serendip.UserError, match="no user has the id 'nobody'"):
        serendip.recommend(model, data, ["nobody"])
    with pytest.raises(serendip.UserError, match="no item has the id 'nothing'"):
        serendip.recommend(model, data, history=[["nothing"]])
    with pytest.raises(serendip.UserError, match=r"users are a list of ids: write \[54\]"):
        serendip.recommend(model, data, users=54)
    with pytest.raises(serendip.UserError, match="users are a list of ids"):
        serendip.recommend(model, data, "u1")
    for slip in (["i1"], "i1", {"i1": 5}):  # the letters of an id are no items
        with pytest.raises(serendip.UserError, match="a list or a dict for each newcomer"):
            serendip.recommend(model, data, history=slip)
    with pytest.raises(serendip.UserError, match="not both"):
        serendip.recommend(model, data, ["u1"], history=[["i1"]])
