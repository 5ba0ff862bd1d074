import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.contract import Run
from serendip.models.normal import Normal


def rated(n_users: int = 80, n_items: int = 60) -> Dataset:
    g = np.random.default_rng(1)
    user, item = np.divmod(np.arange(n_users * n_items), n_items)
    return Dataset.of(Tables(pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item],
                                           "value": g.normal(3.5, 0.4, len(user)).clip(1, 5)})))  # fmt: skip


def test_draws_have_the_mean_and_the_deviation_of_the_ratings() -> None:
    data = rated()
    drawn, given = Normal().fit(data).score(data.queries()), data.ratings.data
    assert drawn.mean() == pytest.approx(given.mean(), abs=0.03)
    assert drawn.std() == pytest.approx(given.std(), abs=0.02)
    assert abs(np.corrcoef(drawn.ravel(), given)[0, 1]) < 0.06
    assert abs(np.corrcoef(drawn[:-1].ravel(), drawn[1:].ravel())[0, 1]) < 0.06


def test_another_seed_draws_others() -> None:
    data = rated()
    first, second = (Normal().fit(data, run=Run(seed=seed)).score(data.queries()) for seed in (0, 1))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.06


def test_without_ratings_another_algorithm_is_named() -> None:
    with pytest.raises(UserError, match="popular"):
        Normal().fit(Dataset.of(Tables(pl.DataFrame({"user_id": ["a"], "item_id": ["x"]}))))
