import numpy as np
import pytest

from serendip.stats import bootstrap
from serendip.stats.bootstrap import bounds, estimate, estimates, resamples


def test_every_resample_draws_as_many_users_as_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "BLOCK", 50)  # five blocks
    blocks = list(resamples(20, 10, seed=1))
    assert [b.shape for b in blocks] == [(2, 20)] * 5
    assert all((b.sum(axis=1) == 20).all() for b in blocks)


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(resamples(7, 9, seed=1)))
    monkeypatch.setattr(bootstrap, "BLOCK", 14)
    np.testing.assert_array_equal(np.concatenate(list(resamples(7, 9, seed=1))), whole)


def test_equals_drawing_users_one_by_one() -> None:
    value, weight = np.array([1.0, 4.0, 2.0]), np.array([1.0, 2.0, 5.0])
    means = []
    for count in np.concatenate(list(resamples(3, 40, seed=5))):
        drawn = np.repeat(np.arange(3), count.astype(int))
        means.append(np.sqrt((value[drawn] * weight[drawn]).sum() / weight[drawn].sum()))
    found = estimate(value, weight, transform=np.sqrt, n=40, seed=5)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))
    assert found.mean == pytest.approx(np.sqrt((1 + 8 + 10) / 8))


def test_users_without_a_value_change_nothing() -> None:
    random = np.random.default_rng(0)
    value = random.random(60)
    with_gaps = np.full(100, np.nan)
    with_gaps[random.permutation(100)[:60]] = value
    assert estimate(with_gaps[~np.isnan(with_gaps)]) == estimate(with_gaps)
    zero_weight = np.where(np.isnan(with_gaps), 0.0, 1.0)
    assert estimate(np.nan_to_num(with_gaps), zero_weight) == estimate(with_gaps)


def test_columns_equal_one_by_one() -> None:
    value = np.random.default_rng(0).random((50, 3))
    value[:5, 1] = np.nan
    value[:, 2] = np.nan
    for together, alone in zip(estimates(value), [estimate(value[:, m]) for m in range(3)], strict=True):
        np.testing.assert_allclose(
            [together.mean, together.low, together.high], [alone.mean, alone.low, alone.high], rtol=1e-12
        )
        assert together.n_users == alone.n_users
    assert [e.n_users for e in estimates(value)] == [50, 45, 0]


def test_seed_decides() -> None:
    value = np.random.default_rng(0).random(30)
    assert estimate(value, seed=1) == estimate(value, seed=1) != estimate(value, seed=2)


def test_a_constant_has_no_width_and_nobody_has_no_interval() -> None:
    found = estimate(np.full(10, 0.5))
    assert (found.mean, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))
    assert np.isnan(estimate(np.empty(0)).mean)
    assert all(np.isnan(bounds(np.array([np.nan]))))


def test_the_interval_covers_the_truth_about_95_times_in_100() -> None:
    random = np.random.default_rng(7)
    inside = 0
    for trial in range(200):
        found = estimate(random.beta(0.5, 2, size=80), n=400, seed=trial)  # skewed, mean .2
        inside += found.low <= 0.2 <= found.high
    assert 180 <= inside <= 198
