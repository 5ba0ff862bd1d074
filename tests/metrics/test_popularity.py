import numpy as np
import pytest

from serendip.metrics import popularity

COUNT = np.array([8, 4, 4, 0])  # interactions of each item
ITEM = np.array([[0, 1, -1], [2, 3, 0], [-1, -1, -1]], np.int32)


def test_novelty_is_self_information_in_bits() -> None:
    np.testing.assert_allclose(popularity.novelty(ITEM, COUNT, 1), [1, 2, np.nan])
    np.testing.assert_allclose(popularity.novelty(ITEM, COUNT, 2), [1.5, (2 + 4) / 2, np.nan])  # the unseen item as 1


def test_means_leave_padding_and_empty_rows_out() -> None:
    np.testing.assert_allclose(popularity.slate_mean(ITEM, COUNT, 3), [6, 4, np.nan])
    history = popularity.history_mean(np.array([0, 2, 2, 3]), np.array([1, 3, 0]), COUNT)
    np.testing.assert_allclose(history, [2, np.nan, 8])


def test_lift_compares_slates_with_the_same_users_histories() -> None:
    assert popularity.popularity_lift(np.array([6.0, 4.0, np.nan]), np.array([2.0, np.nan, 8.0])) == pytest.approx(2)
    assert popularity.popularity_lift(np.array([3.0, 5.0]), np.array([5.0, 3.0])) == 0
    assert np.isnan(popularity.popularity_lift(np.array([np.nan]), np.array([1.0])))
