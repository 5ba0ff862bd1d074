"""The best of many is worth less than it seems, and how much less is told."""

import itertools

import numpy as np

from serendip.stats.selection import expected_best, gain, next_doubling


def test_noise_alone_gains_nothing_with_new_users() -> None:
    flattered, honest = [], []
    for seed in range(8):
        value = np.random.default_rng(seed).normal(size=(200, 25))
        found = gain(value, seed)
        flattered.append(found.seen)
        honest.append(found.mean)
        assert found.low < 0 and found.sure < 0.9
    assert np.mean(flattered) > 0.15  # the maximum of 25 means of noise over the first
    assert abs(np.mean(honest)) < 0.08


def test_a_real_gain_is_found_and_covered() -> None:
    random = np.random.default_rng(3)
    value = random.normal(0.2, 0.1, (500, 10)) + random.normal(0, 0.2, (500, 1))
    value[:, 4] += 0.05
    found = gain(value)
    assert 0.03 < found.low < found.mean < found.high < 0.07
    assert found.sure == 1.0 and abs(found.seen - found.mean) < 0.01


def test_users_without_a_value_are_left_out_and_one_trial_gains_nothing() -> None:
    value = np.array([[0.1, 0.3], [0.2, 0.4], [np.nan, 9.0], [0.0, 0.2]])
    assert abs(gain(value).seen - 0.2) < 1e-12
    assert gain(value[:, :1]).mean == 0.0


def test_expected_best_is_the_mean_over_all_subsets() -> None:
    tried = np.array([0.3, 0.1, 0.7, 0.2, 0.5])
    for k in (1, 2, 3, 5):
        of_all = np.mean([max(some) for some in itertools.combinations(tried, k)])
        assert abs(expected_best(tried, k) - of_all) < 1e-12


def test_a_longer_search_buys_less_and_less() -> None:
    tried = np.random.default_rng(0).uniform(size=64)
    more = next_doubling(tried)
    assert more is not None and 0 < more < expected_best(tried, 64) - expected_best(tried, 32) + 1e-12
    assert next_doubling(tried[:7]) is None
    assert next_doubling(np.full(16, 0.5)) == 0.0
