import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.queries import Queries
from serendip.data.split import at_random
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.coclustering import CoClustering

PLAIN = CoClustering(2, 2, shrinkage=0.0, starts=5)


def grouped(n_users: int = 40, n_items: int = 30) -> Dataset:
    """Two kinds of users rate two kinds of items: 5 within the kind, 1 outside; each has habits of a half beside."""
    g = np.random.default_rng(4)
    user, item = np.nonzero(g.random((n_users, n_items)) < 0.6)
    habit = np.where(user % 4 < 2, 0.0, -0.5) + np.where(item % 4 < 2, 0.5, 0.0)
    value = np.where(user % 2 == item % 2, 4.5, 1.0) + habit
    return Dataset.of(Tables(pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item],
                                           "value": value})))  # fmt: skip


def test_it_finds_the_groups_and_what_they_give() -> None:
    split = at_random(grouped(), 0.2)
    model = PLAIN.fit(split.train)
    kind = np.array([int(i[1:]) % 2 for i in split.train.items.series])
    assert len(np.unique(np.column_stack([kind, model.item_cluster]), axis=0)) == 2
    queries = split.train.queries(split.test.user)
    assert split.test.value is not None
    assert np.abs(model.predict(queries, split.test.item) - split.test.value).mean() < 0.4


def test_a_stranger_is_put_into_the_group_of_their_ratings() -> None:
    data = grouped()
    model, queries = PLAIN.fit(data), data.queries()
    stranger = Queries(np.full(len(queries), -1, np.int32), queries.history)
    np.testing.assert_array_equal(model.score(queries), model.score(stranger))


def test_more_starts_are_no_worse() -> None:
    data = grouped()
    few, many = (PLAIN.set(starts=n, epochs=2).fit(data).squared_error(data.ratings) for n in (1, 10))
    assert many <= few


def test_without_ratings_another_algorithm_is_named() -> None:
    with pytest.raises(UserError, match="itemknn"):
        CoClustering().fit(Dataset.of(Tables(pl.DataFrame({"user_id": ["a"], "item_id": ["x"]}))))
