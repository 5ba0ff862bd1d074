import dataclasses

import numpy as np
import polars as pl
import pytest

from serendip.data import queries
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.data.interactions import InteractionRules
from serendip.data.queries import History, ask
from serendip.data.tables import Tables
from serendip.errors import UserError


@pytest.fixture
def data() -> Dataset:
    events = pl.DataFrame(
        {
            "user_id": ["b", "a", "b", "a", "c"],
            "item_id": ["y", "x", "x", "z", "x"],
            "value": [5.0, 3.0, None, 4.0, 1.0],
            "timestamp": [30, 20, 10, 10, 5],
            "type": ["rating", "rating", "view", "rating", "rating"],
        }
    )
    items = pl.DataFrame({"item_id": ["z", "w"], "price": [2.5, None]})
    users = pl.DataFrame({"user_id": ["a", "d"], "age": [30.0, 40.0]})
    return Dataset.of(Tables(events, items, users), InteractionRules(threshold=3.0))


def test_rows_stand_by_user_then_time(data: Dataset) -> None:
    assert data.users.take(data.user) == ["b", "b", "a", "a", "c"]
    assert data.items.take(data.item) == ["x", "y", "z", "x", "x"]
    assert data.offset.tolist() == [0, 2, 4, 5, 5]
    assert data.items.series.to_list() == ["y", "x", "z", "w"]


def test_features_are_aligned_and_missing_stays_missing(data: Dataset) -> None:
    assert data.item_features is not None and data.user_features is not None
    assert data.item_features["price"].to_list() == [None, None, 2.5, None]
    assert data.user_features["age"].to_list() == [None, 30.0, None, 40.0]


def test_columns_cannot_be_written(data: Dataset) -> None:
    with pytest.raises(ValueError, match="read-only"):
        data.user[0] = 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.user = data.item  # type: ignore[misc]


def test_interactions_and_ratings(data: Dataset) -> None:
    assert data.matrix.toarray().tolist() == [[5, 1, 0, 0], [0, 5, 5, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert data.ratings.toarray().tolist() == [[5, 0, 0, 0], [0, 3, 4, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_queries_bring_histories_and_features(data: Dataset) -> None:
    asked = data.queries(np.array([1, -1, 3, 99], np.int32))
    assert asked.history.offset.tolist() == [0, 2, 2, 2, 2]
    assert data.items.take(asked.history.item) == ["z", "x"]
    assert asked.user_features is not None
    assert asked.user_features["age"].to_list() == [30.0, None, 40.0, None]
    part = asked.rows(slice(0, 1))
    assert len(part) == 1 and part.history.item.tolist() == asked.history.item.tolist()


def test_fingerprints_tell_histories_apart(data: Dataset) -> None:
    whole = data.history.fingerprint()
    assert len(set(whole.tolist())) == 4 and whole[3] == 0
    again = data.queries(np.array([1], np.int32)).history
    assert again.fingerprint()[0] == whole[1]
    other = dataclasses.replace(again, value=np.array([4, 5], np.float32))
    assert other.fingerprint()[0] != whole[1]
    turned = dataclasses.replace(
        again, item=again.item[::-1], value=again.value[::-1] if again.value is not None else None
    )
    assert turned.fingerprint()[0] == whole[1]


def test_a_fingerprint_is_the_same_whatever_is_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(np.array([0, 2, 2, 9, 10]), np.arange(10, dtype=np.int32))
    whole = history.fingerprint()
    monkeypatch.setattr(queries, "HASHED", 3)
    assert history.fingerprint().tolist() == whole.tolist()


def test_no_value_is_like_no_column_of_values() -> None:
    bare = History(np.array([0, 2]), np.array([3, 4], np.int32))
    empty = dataclasses.replace(
        bare, value=np.full(2, np.nan, np.float32), type=np.zeros(2, np.int8), types=("interaction",)
    )
    assert bare.fingerprint()[0] == empty.fingerprint()[0]


def test_the_data_hash_changes_with_the_data(data: Dataset) -> None:
    assert data.fingerprint == dataclasses.replace(data).fingerprint
    assert data.fingerprint != data.where(data.user != 2).fingerprint
    assert data.fingerprint != data.ruled(InteractionRules()).fingerprint


def test_an_id_twice_in_a_features_table_is_refused() -> None:
    twice = pl.DataFrame({"item_id": ["x", "x"], "price": [1.0, 2.0]})
    with pytest.raises(UserError, match="'x' is there more than once in the items table"):
        Dataset.of(Tables(pl.DataFrame({"user_id": ["a"], "item_id": ["x"]}), twice))


def test_tables_extend_the_indices_given() -> None:
    events = pl.DataFrame({"user_id": ["n"], "item_id": ["x"]})
    data = Dataset.of(Tables(events), users=Ids(["a"]), items=Ids(["w", "x"]))
    assert data.user.tolist() == [1] and data.item.tolist() == [1]


def test_lists() -> None:
    asked = ask([[4, 5], [], [6]])
    assert asked.history.lists.padded().tolist() == [[4, 5], [-1, -1], [6, -1]]
