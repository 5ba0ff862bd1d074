import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.queries import Queries, ask
from serendip.data.split import at_random
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.contract import Run
from serendip.models.svd import SVD


def planted(n_users: int = 150, n_items: int = 60) -> Dataset:
    """Ratings of rank 2 with biases, between 1 and 5."""
    g = np.random.default_rng(1)
    taste = g.normal(size=(n_users, 2)) @ g.normal(size=(2, n_items)) * 0.6
    full = np.clip(3 + g.normal(size=(n_users, 1)) * 0.5 + g.normal(size=n_items) * 0.5 + taste, 1, 5)
    user, item = np.nonzero(g.random(full.shape) < 0.4)
    return Dataset.of(Tables(pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item],
                                           "value": full[user, item]})))  # fmt: skip


def rmse(rating: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((rating - truth) ** 2)))


def test_withheld_ratings_are_predicted() -> None:
    split = at_random(planted(), 0.2)
    model = SVD(rank=8, l2=0.03, epochs=80).fit(split.train)
    test = split.test
    assert test.value is not None and split.train.value is not None
    ours = rmse(model.predict(split.train.queries(test.user), test.item), test.value)
    assert ours < 0.5 * rmse(np.full(len(test), split.train.value.mean()), test.value)


def test_a_newcomer_is_folded_in_with_a_bias_of_their_own() -> None:
    split = at_random(planted(), 0.2)
    model = SVD(rank=8, l2=0.03, epochs=80).fit(split.train)
    test = split.test
    assert test.value is not None
    known = split.train.queries(test.user)
    stranger = Queries(np.full(len(known), -1, np.int32), known.history)
    fitted, folded = (rmse(model.predict(q, test.item), test.value) for q in (known, stranger))
    assert folded < 1.15 * fitted
    generous, strict = (model.predict(ask([[0, 1, 2]], [[v, v, v]]), np.array([5], np.int32))[0] for v in (5.0, 1.0))
    assert generous > strict + 0.5


def test_ratings_stay_on_the_scale_for_anyone_and_anything() -> None:
    data = planted()
    model = SVD(epochs=5).fit(data)
    rating = model.predict(ask([[], [0], [999]]), np.array([-1, 999, 3], np.int32))
    assert ((rating >= 1) & (rating <= 5)).all()
    assert rating[0] == pytest.approx(model.mean, abs=1e-5)


def test_it_stops_when_the_validation_part_gets_no_better() -> None:
    split = at_random(planted(), 0.2)
    seen: list[int] = []
    run = Run(validation=split.test, progress=lambda _, done, of: seen.append(done))
    early = SVD(rank=32, l2=0.0, epochs=300, learning_rate=0.02).fit(split.train, run=run)
    assert seen[-1] < 300
    late = SVD(rank=32, l2=0.0, epochs=300, learning_rate=0.02).fit(split.train)
    test, queries = split.test, split.train.queries(split.test.user)
    assert test.value is not None
    assert rmse(early.predict(queries, test.item), test.value) < rmse(late.predict(queries, test.item), test.value)


def test_without_ratings_als_is_named() -> None:
    data = Dataset.of(Tables(pl.DataFrame({"user_id": ["a"], "item_id": ["x"]})))
    with pytest.raises(UserError, match="use als"):
        SVD().fit(data)
