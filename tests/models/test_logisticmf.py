import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix
from scipy.special import expit

from serendip.checks.toys import planted
from serendip.data.dataset import Dataset
from serendip.data.queries import Queries
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.contract import Run
from serendip.models.logisticmf import LogisticMF

QUICK = LogisticMF(rank=8, epochs=30)


def likelihood(x: np.ndarray, y: np.ndarray, w: np.ndarray, alpha: float, l2: float) -> float:
    s = x @ y.T
    return float((alpha * w * s - (1 + alpha * w) * np.logaddexp(0, s)).sum() - l2 / 2 * (x**2).sum())


def test_a_step_is_up_the_gradient() -> None:
    g = np.random.default_rng(0)
    x, y = g.normal(size=(5, 5)), g.normal(size=(7, 5))
    w = g.integers(0, 3, (5, 7)).astype(np.float64)
    slope = np.empty_like(x)
    for at in np.ndindex(x.shape):
        shifted = x.copy()
        shifted[at] += 1e-6
        slope[at] = (likelihood(shifted, y, w, 2.0, 0.5) - likelihood(x, y, w, 2.0, 0.5)) / 1e-6
    slope[:, 3] = 0  # the column that stays
    after, square = x.astype(np.float32), np.zeros(x.shape, np.float32)
    algorithm = LogisticMF(rank=3, alpha=2.0, l2=0.5, learning_rate=0.1)
    algorithm.step(csr_matrix(w.astype(np.float32)), after, y.astype(np.float32), square, 3, g)
    np.testing.assert_allclose(square, slope**2, rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(after - x, 0.1 * np.sign(slope), atol=1e-3)  # AdaGrad's first step


def test_comparing_with_a_sample_is_right_in_the_mean() -> None:
    g = np.random.default_rng(0)
    x, y, w = g.normal(size=(1, 4)), g.normal(size=(64, 4)), csr_matrix(np.zeros((1, 64), np.float32))
    whole = -(expit(x @ y.T) @ y)
    drawn = []
    for _ in range(400):
        square = np.zeros((1, 4), np.float32)
        start = x.astype(np.float32)
        LogisticMF(rank=2, compared=16, l2=0.0).step(w, start, y.astype(np.float32), square, 3, g)
        drawn.append(np.sqrt(square) * np.sign(start - x))
    np.testing.assert_allclose(np.mean(drawn, axis=0)[:, :3], whole[:, :3], atol=1.5)


def test_what_was_taken_is_likelier_and_newcomers_are_served_alike() -> None:
    toy = planted()
    model = QUICK.fit(toy.data)
    score, taken = model.score(toy.data.queries()), toy.data.matrix.toarray() > 0
    assert score[taken].mean() > np.nanmean(score[~taken]) + 1
    queries = toy.data.queries()
    stranger = Queries(np.full(len(queries), -1, np.int32), queries.history)
    fitted, folded = (model.recommend(q, 10, exclude=q.history.lists).item for q in (queries, stranger))
    assert np.mean([np.isin(a, b).mean() for a, b in zip(fitted, folded, strict=True)]) > 0.6


def test_each_epoch_is_reported_and_nothing_to_learn_is_an_error() -> None:
    seen: list[int] = []
    QUICK.set(epochs=3).fit(planted().data, run=Run(progress=lambda what, done, of: seen.append(done)))
    assert seen == [1, 2, 3]
    with pytest.raises(UserError, match="nothing to learn"):
        empty = pl.DataFrame({"user_id": [], "item_id": []}, schema={"user_id": pl.String, "item_id": pl.String})
        QUICK.fit(Dataset.of(Tables(empty)))
