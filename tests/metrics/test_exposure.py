import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.metrics import exposure

ITEM = np.array([[0, 1, 2], [0, 2, -1], [0, -1, -1]], np.int32)


def test_golden() -> None:
    count = exposure.exposure(ITEM, 4, 2)
    assert count.tolist() == [3, 1, 1, 0]
    assert exposure.coverage(count) == 3 / 4
    assert exposure.gini(count) == pytest.approx((-3 * 0 + -1 * 1 + 1 * 1 + 3 * 3) / (4 * 5))
    assert exposure.entropy(count) == pytest.approx(-(0.6 * np.log2(0.6) + 2 * 0.2 * np.log2(0.2)))


def test_blocks_add_up() -> None:
    whole = exposure.exposure(ITEM, 4, 3)
    np.testing.assert_array_equal(exposure.exposure(ITEM[:1], 4, 3) + exposure.exposure(ITEM[1:], 4, 3), whole)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20))
def test_gini_is_half_the_relative_mean_difference(count: list[int]) -> None:
    value, n = exposure.gini(np.array(count)), len(count)
    if not sum(count):
        assert np.isnan(value)
        return
    assert value == pytest.approx(sum(abs(a - b) for a in count for b in count) / (2 * n * sum(count)))


def test_even_exposure_has_no_inequality_and_most_entropy() -> None:
    even, one = np.full(8, 3), np.array([5, 0, 0, 0, 0, 0, 0, 0])
    assert (exposure.gini(even), exposure.entropy(even)) == (0, 3)
    assert (exposure.gini(one), exposure.entropy(one)) == (7 / 8, 0)


def test_nothing_shown_has_no_inequality_to_speak_of() -> None:
    nothing = np.zeros(3, int)
    assert exposure.coverage(nothing) == 0
    assert np.isnan(exposure.gini(nothing))
    assert np.isnan(exposure.entropy(nothing))
