from itertools import product

import numpy as np
import pytest

from serendip.errors import UserError
from serendip.stats.paired import compare, holm, sign_flip


def test_holm_worked_example() -> None:
    # sorted .005 .01 .03 .04 times 4 3 2 1 = .02 .03 .06 .04, never falling: .02 .03 .06 .06
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.5, 0.9])), [1, 1])
    assert holm(np.empty(0)).size == 0


def test_sign_flips_approach_the_exact_test() -> None:
    difference = np.array([0.3, -0.1, 0.4, 0.2, 0.0, 0.25, -0.05, 0.1])
    sums = [abs(sum(s * d for s, d in zip(sign, difference, strict=True))) for sign in product((1, -1), repeat=8)]
    exact = np.mean([s >= abs(difference.sum()) - 1e-12 for s in sums])
    assert sign_flip(difference[:, None])[0] == pytest.approx(exact, abs=0.015)


def test_users_without_a_difference_or_a_value_change_nothing() -> None:
    difference = np.random.default_rng(0).normal(0.1, 1, 40)
    padded = np.concatenate([difference, np.zeros(20), np.full(20, np.nan)])
    assert sign_flip(padded[:, None])[0] == sign_flip(difference[:, None])[0]
    assert sign_flip(np.zeros((9, 1)))[0] == 1


def test_false_alarms_are_as_rare_as_promised() -> None:
    same = np.random.default_rng(5).normal(size=(40, 400))  # 400 comparisons without any effect
    assert 0.02 <= np.mean(sign_flip(same, n=999) < 0.05) <= 0.08


def models() -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    popular = random.random(200)
    return {
        "better": popular + 0.05 + random.normal(0, 0.1, 200),
        "popular": popular,
        "same": popular + random.normal(0, 0.1, 200),
        "worse": popular - 0.05 + random.normal(0, 0.1, 200),
    }


def test_compare_finds_the_better_one_and_only_it() -> None:
    found = {c.name: c for c in compare(models(), "popular")}
    assert list(found) == ["better", "same", "worse"]
    assert [c.beyond_doubt for c in found.values()] == [True, False, False]
    assert found["worse"].p_corrected < 0.05  # worse beyond doubt is not better
    for c in found.values():
        assert c.low < c.difference < c.high
        assert c.p <= c.p_corrected
        assert c.n_users == 200
    np.testing.assert_allclose([c.p_corrected for c in found.values()], holm(np.array([c.p for c in found.values()])))


def test_where_less_is_better_the_verdict_turns() -> None:
    found = {c.name: c.beyond_doubt for c in compare(models(), "popular", direction=-1)}
    assert found == {"better": False, "same": False, "worse": True}


def test_weights_make_it_the_mean_over_rows() -> None:
    values = {"a": np.array([1.0, 0.0, 2.0]), "b": np.zeros(3)}
    (found,) = compare(values, "b", weight=np.array([1.0, 3.0, 4.0]))
    assert found.difference == pytest.approx((1 + 8) / 8)


def test_users_that_lack_a_value_are_left_out_of_that_pair() -> None:
    values = {"a": np.array([1.0, np.nan, 3.0]), "b": np.zeros(3), "c": np.array([1.0, 1.0, 1.0])}
    found = compare(values, "b")
    assert [(c.difference, c.n_users) for c in found] == [(2, 2), (1, 3)]


def test_a_baseline_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="did you mean 'popular'"):
        compare(models(), "poplar")
    assert compare({"popular": np.ones(3)}, "popular") == []
