import numpy as np
import pytest

from serendip.metrics.group import by_group, by_user


def test_rows_become_users_whose_weighted_mean_is_the_mean_over_rows() -> None:
    row, user = np.array([1.0, 3.0, 8.0]), np.array([2, 2, 0])
    mean, weight = by_user(row, user, 4)
    np.testing.assert_array_equal(mean, [8, np.nan, 2, np.nan])
    np.testing.assert_array_equal(weight, [1, 0, 2, 0])
    assert np.nansum(mean * weight) / weight.sum() == row.mean()


def test_groups_keep_every_user_and_missing_is_one_of_its_own() -> None:
    value = np.array([1.0, np.nan, 3.0, 4.0, 5.0])
    groups = by_group(value, ["b", "a", None, "b", float("nan")])
    assert list(groups) == ["a", "b", "(missing)"]
    np.testing.assert_array_equal(groups["a"], [np.nan])
    np.testing.assert_array_equal(groups["b"], [1, 4])
    np.testing.assert_array_equal(groups["(missing)"], [3, 5])


def test_labels_may_be_numbers() -> None:
    assert list(by_group(np.array([1.0, 2.0]), np.array([7, 3]))) == ["3", "7"]


def test_labels_of_other_users_are_refused() -> None:
    with pytest.raises(ValueError, match="1 values but 2 labels"):
        by_group(np.array([1.0]), ["a", "b"])
