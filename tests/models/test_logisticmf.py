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
from serendip.kernels.lines import lines
from serendip.models.contract import Run
from serendip.models.logisticmf import LogisticMF

QUICK = LogisticMF(rank=8, epochs=30)


def test_comparing_with_a_sample_is_right_in_the_mean() -> None:
    g = np.random.default_rng(0)
    algorithm, w = LogisticMF(rank=2, compared=16, l2=0.0), csr_matrix(np.zeros((1, 64), np.float32))
    x, y = lines(1, 4), lines(64, 4)
    x[:, :4], y[:, :4] = g.normal(size=(1, 4)), g.normal(size=(64, 4))
    whole = -(expit(x @ y.T) @ y)
    drawn = []
    for _ in range(400):
        start, square = x.copy(), np.zeros_like(x)
        algorithm.step(w, start, y, square, 3, g, Run())
        drawn.append(np.sqrt(square) * np.sign(start - x))
    np.testing.assert_allclose(np.mean(drawn, axis=0)[:, :3], whole[:, :3], atol=1.5)


def test_biases_begin_as_what_was_taken_says() -> None:
    w = csr_matrix(np.array([[1, 1, 0], [1, 0, 0]], np.float32))
    x, y = LogisticMF(rank=2).start(w, np.random.default_rng(0))
    np.testing.assert_allclose(np.exp(x[:, 3]), [2 / 1.5, 1 / 1.5], rtol=1e-5)  # beside the mean user
    np.testing.assert_allclose(np.exp(y[:, 2]), [1, 0.5, 0.0005], rtol=1e-5)  # odds of a mean user
    assert (x[:, 2] == 1).all() and (y[:, 3] == 1).all()


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
