import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.queries import Queries, ask
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.baselineonly import BaselineOnly

RATED = pl.DataFrame({"user_id": list("aabbcc"), "item_id": list("xyxzyz"), "value": [5.0, 4.0, 3.0, 1.0, 4.0, 2.0]})


def test_biases_solve_the_ridge_regression() -> None:
    data = Dataset.of(Tables(RATED))
    model = BaselineOnly(l2_user=1.0, l2_item=2.0, sweeps=200).fit(data)
    mean, (row, column) = data.ratings.data.mean(), data.ratings.nonzero()
    design = np.zeros((6, 6))
    design[np.arange(6), row] = design[np.arange(6), 3 + column] = 1
    exact = np.linalg.solve(design.T @ design + np.diag([1.0] * 3 + [2.0] * 3), design.T @ (data.ratings.data - mean))
    expected = mean + exact[:3, None] + exact[3:]
    np.testing.assert_allclose(model.score(data.queries()), expected, atol=1e-4)


def test_a_newcomer_is_judged_by_what_they_bring() -> None:
    model = BaselineOnly(l2_user=1.0).fit(Dataset.of(Tables(RATED)))
    kind, strict = (model.predict(ask([[0]], [[value]]), np.array([2], np.int32))[0] for value in (5.0, 1.0))
    assert kind > strict
    unknown = model.predict(ask([[]]), np.array([99], np.int32))
    assert unknown[0] == pytest.approx(RATED["value"].mean())
    assert model.score(Queries(np.array([0], np.int32), ask([[0]], [[5.0]]).history)).argmax() == 0


def test_without_ratings_another_algorithm_is_named() -> None:
    with pytest.raises(UserError, match="popular"):
        BaselineOnly().fit(Dataset.of(Tables(RATED.drop("value"))))
