import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from serendip.errors import UserError
from serendip.metrics import rating

VALUE = np.array([4.0, 3.0, 1.0, 5.0])
PREDICTED = np.array([3.5, 3.0, 3.0, 4.0], np.float32)


def test_golden() -> None:
    assert rating.mae(VALUE, PREDICTED) == (0.5 + 0 + 2 + 1) / 4
    assert rating.mse(VALUE, PREDICTED) == (0.25 + 0 + 4 + 1) / 4
    assert rating.rmse(VALUE, PREDICTED) == np.sqrt(5.25 / 4)


def test_equals_scikit_learn() -> None:
    random = np.random.default_rng(0)
    value, predicted = random.random(500), random.random(500)
    assert rating.rmse(value, predicted) == pytest.approx(root_mean_squared_error(value, predicted))
    assert rating.mae(value, predicted) == pytest.approx(mean_absolute_error(value, predicted))


def test_a_row_without_a_prediction_is_refused_not_skipped() -> None:
    with pytest.raises(UserError, match="1 of 4 rows"):
        rating.rmse(VALUE, np.array([1, 2, np.nan, 4]))
