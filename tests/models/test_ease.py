import numpy as np
import polars as pl
import pytest
from scipy.sparse import random as sparse_random

from serendip.data.dataset import Dataset
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models import ease
from serendip.models.contract import Run
from serendip.models.ease import EASE


def made(n_users: int, n_items: int, seed: int = 0) -> Dataset:
    pattern = sparse_random(n_users, n_items, 0.3, random_state=np.random.default_rng(seed)).tocoo()
    events = pl.DataFrame({"user_id": [f"u{u}" for u in pattern.row], "item_id": [f"i{i}" for i in pattern.col]})
    return Dataset.of(Tables(events))


def closed_form(x: np.ndarray, l2: float) -> np.ndarray:
    p = np.linalg.inv(x.T @ x + l2 * np.eye(x.shape[1]))
    b = -p / np.diag(p)
    np.fill_diagonal(b, 0)
    return b


@pytest.mark.parametrize(("n_users", "n_items"), [(60, 20), (15, 40)], ids=["gram", "woodbury"])
def test_the_weights_are_the_closed_form(n_users: int, n_items: int) -> None:
    data = made(n_users, n_items)
    model = EASE(l2=3.0).fit(data)
    expected = closed_form(data.matrix.toarray().astype(np.float64), 3.0)
    assert isinstance(model.weights, np.ndarray)
    np.testing.assert_allclose(model.weights, expected, atol=2e-5)


def test_both_ways_give_the_same_inverse() -> None:
    x = made(30, 40).matrix
    np.testing.assert_allclose(ease.woodbury(x, 5.0, Run()), ease.inverse(x, 5.0, Run()), atol=1e-5)


def test_users_are_inverted_only_where_they_are_far_fewer() -> None:
    assert ease.by_users(1_000, 10_000, 50_000)
    assert not ease.by_users(9_990, 10_000, 50_000)  # the same inverse, and the products besides
    assert not ease.by_users(10_000, 1_000, 50_000)


def test_a_catalogue_that_does_not_fit_is_refused_with_the_figure() -> None:
    with pytest.raises(UserError, match=r"ease needs 4000\.0 GB .* 8\.0 GB are free: use sansa or itemknn"):
        ease.check_memory(1_000_000, 8 * 10**9)


def test_a_penalty_too_small_for_float32_is_refused_and_the_named_one_is_not() -> None:
    x = made(60, 20).matrix * np.float32(1000)
    with pytest.raises(UserError, match="too near singular for float32; set l2 to") as told:
        ease.inverse(x[:10], 0.01, Run())
    enough = float(str(told.value).split("set l2 to ")[1].split(" ")[0])
    p = ease.inverse(x[:10], enough, Run())
    wide = x[:10].toarray().astype(np.float64)
    exact = np.linalg.inv(wide.T @ wide + enough * np.eye(20))
    assert np.linalg.norm(p - exact) < 0.1 * np.linalg.norm(exact)


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    EASE().fit(made(50, 30), run=Run(progress=lambda what, done, of: told.append((what, done, of))))
    assert told and all(0 < done <= of for _, done, of in told)
