import numpy as np

from serendip.metrics.users import by_user


def test_rows_become_users_whose_weighted_mean_is_the_mean_over_rows() -> None:
    row, user = np.array([1.0, 3.0, 8.0]), np.array([2, 2, 0])
    mean, weight = by_user(row, user, 4)
    np.testing.assert_array_equal(mean, [8, np.nan, 2, np.nan])
    np.testing.assert_array_equal(weight, [1, 0, 2, 0])
    assert np.nansum(mean * weight) / weight.sum() == row.mean()
