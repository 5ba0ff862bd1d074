import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.queries import Queries, ask
from serendip.data.split import at_random
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.asvd import ASVD
from serendip.models.contract import Run

QUICK = ASVD(rank=8, epochs=30, learning_rate=0.05, l2=0.01)


def planted(n_users: int = 300, n_items: int = 60) -> Dataset:
    """Ratings of rank 2 with biases, between 1 and 5."""
    g = np.random.default_rng(1)
    taste = g.normal(size=(n_users, 2)) @ g.normal(size=(2, n_items)) * 0.8
    full = np.clip(3 + g.normal(size=(n_users, 1)) * 0.3 + g.normal(size=n_items) * 0.3 + taste, 1, 5)
    user, item = np.nonzero(g.random(full.shape) < 0.4)
    return Dataset.of(Tables(pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item],
                                           "value": full[user, item]})))  # fmt: skip


def test_withheld_ratings_are_predicted_for_users_and_alike_for_newcomers() -> None:
    split = at_random(planted(), 0.2)
    model, test = QUICK.fit(split.train), split.test
    assert test.value is not None
    known = split.train.queries(test.user)
    stranger = Queries(np.full(len(known), -1, np.int32), known.history)
    fitted, folded = (model.predict(q, test.item) for q in (known, stranger))
    np.testing.assert_allclose(fitted, folded, atol=1e-4)
    assert np.sqrt(np.mean((fitted - test.value) ** 2)) < 0.7 * test.value.std()


def test_what_a_history_item_is_owed_is_what_its_rating_changes() -> None:
    model = QUICK.fit(planted())
    queries, item = ask([[0, 1, 2]], [[5.0, 1.0, 4.0]]), np.array([7], np.int32)
    told = model.explain(queries, item)
    of_items = told.weight[told.item >= 0].sum()
    plain = model.mean + model.user_rows(queries)[1][0] + model.item_bias[7] if model.item_bias is not None else 0
    assert of_items == pytest.approx(model.score(queries, item[:, None])[0, 0] - plain, abs=1e-4)


def test_it_stops_when_the_validation_part_gets_no_better() -> None:
    split = at_random(planted(), 0.2)
    seen: list[int] = []
    run = Run(validation=split.test, progress=lambda what, done, of: seen.append(done))
    QUICK.set(l2=0.0, epochs=500, decay=1.0).fit(split.train, run=run)
    assert 3 < len(seen) < 500


def test_without_ratings_another_algorithm_is_named() -> None:
    with pytest.raises(UserError, match="als"):
        QUICK.fit(Dataset.of(Tables(pl.DataFrame({"user_id": ["a"], "item_id": ["x"]}))))
