import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.split import at_random
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.fwls import FWLS
from serendip.models.stackedratings import known_of, stacked

TWO = FWLS(("svd:rank=4", "baseline"), times=1)


def planted(n_users: int = 200, n_items: int = 60) -> Dataset:
    """Ratings of rank 2 with biases, between 1 and 5; some users rate little."""
    g = np.random.default_rng(1)
    taste = g.normal(size=(n_users, 2)) @ g.normal(size=(2, n_items)) * 0.6
    full = np.clip(3 + g.normal(size=(n_users, 1)) * 0.5 + g.normal(size=n_items) * 0.5 + taste, 1, 5)
    user, item = np.nonzero(g.random(full.shape) < np.where(np.arange(n_users) % 2, 0.08, 0.5)[:, None])
    return Dataset.of(Tables(pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item],
                                           "value": full[user, item]})))  # fmt: skip


def test_a_blend_is_better_than_each_of_its_parts() -> None:
    split = at_random(planted(500), 0.2)
    queries, test = split.train.queries(split.test.user), split.test
    model = FWLS(("svd:rank=4:epochs=15", "knnbaseline", "slopeone"), times=2, l2=1.0).fit(split.train)
    assert test.value is not None
    errors = [
        float(np.mean((child.predict(queries, test.item) - test.value) ** 2))  # type: ignore[attr-defined]
        for child in (model, *model.children)
    ]
    assert errors[0] < 0.99 * min(errors[1:])


def test_a_rating_is_the_sum_of_weighted_ratings_of_the_parts() -> None:
    data = planted()
    model = TWO.fit(data)
    user, item = np.array([3, 5], np.int32), np.array([1, 7], np.int32)
    queries = data.queries(user)
    parts = np.stack([child.predict(queries, item) for child in model.children], axis=1)  # type: ignore[attr-defined]
    r = data.ratings
    for at in range(2):
        n_user, n_item = len(r[int(user[at])].data), int((r.indices == item[at]).sum())
        f = np.array([1, np.log1p(n_user) - model.middle[0], np.log1p(n_item) - model.middle[1]])
        beyond = np.append(parts[at] - model.mean, 1)
        expected = model.mean + float(np.sum(model.weights * np.outer(beyond, f)))
        assert model.predict(queries, item)[at] == pytest.approx(np.clip(expected, *model.clip), abs=1e-4)


def test_a_strong_penalty_leaves_an_equal_share() -> None:
    model = TWO.set(l2=1e6).fit(planted())
    np.testing.assert_allclose(model.weights[:, 0], [0.5, 0.5, 0], atol=0.01)
    np.testing.assert_allclose(model.weights[:, 1:], 0, atol=0.01)


def test_stacked_has_a_column_for_each_child_and_feature() -> None:
    x = stacked(np.array([[2.0, 3.0]], np.float32), known_of(np.array([0]), np.array([np.e - 1], np.float32)))
    np.testing.assert_allclose(x, [[2, 0, 2, 3, 0, 3, 1, 0, 1]], rtol=1e-6)


def test_what_predicts_nothing_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="popular"):
        FWLS(("svd", "popular")).fit(planted(20, 20))
    with pytest.raises(UserError, match="svdpp"):
        FWLS(("svdp",))
    with pytest.raises(UserError, match="weighted"):
        FWLS().fit(Dataset.of(Tables(pl.DataFrame({"user_id": ["a"], "item_id": ["x"]}))))
