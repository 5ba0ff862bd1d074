"""Shares of preference with Wilson's interval and the sign test, against figures worked out by hand."""

import math

import pytest

from serendip.stats.preference import preference


def test_interval_and_test_are_as_their_formulas_say():
    found = preference(15, 5)
    z, n, p = 1.959964, 20, 0.75
    middle, half = (p + z * z / (2 * n)), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    assert found.low == pytest.approx((middle - half) / (1 + z * z / n), rel=1e-5)
    assert found.high == pytest.approx((middle + half) / (1 + z * z / n), rel=1e-5)
    tail = sum(math.comb(20, k) for k in range(15, 21)) / 2**20
    assert found.p == pytest.approx(2 * tail)
    assert found.beyond_doubt and not preference(14, 6).beyond_doubt


def test_nothing_decided_says_nothing():
    found = preference(0, 0)
    assert (found.share, found.p, found.n, found.beyond_doubt) == (None, None, 0, False)
