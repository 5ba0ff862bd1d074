"""The kernel against its NumPy twin; the promises: same result for any threads and seed, and it learns."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.errors import UserError
from serendip.kernels.sgd import (
    SIDE,
    Factorisation,
    blocks,
    deal,
    svd_epoch,
    svd_epoch_numpy,
    svd_epochs,
    svd_start,
)

STEPS = {"learning_rate": 0.02, "l2": 0.05, "l2_bias": 0.01}
Ratings = tuple[np.ndarray, np.ndarray, np.ndarray]


def ratings(n_users: int, n_items: int, n: int, seed: int, noise: float = 0.1) -> Ratings:
    """Planted: a mean, biases and three factors."""
    rng = np.random.default_rng(seed)
    user, item = (rng.integers(0, size, n).astype(np.int32) for size in (n_users, n_items))
    p, q = rng.normal(0, 0.8, (n_users, 3)), rng.normal(0, 0.8, (n_items, 3))
    bias = rng.normal(0, 0.4, n_users)[user] + rng.normal(0, 0.4, n_items)[item]
    value = 3.5 + bias + (p[user] * q[item]).sum(axis=1) + rng.normal(0, noise, n)
    return user, item, value.astype(np.float32)


def predict(w: Factorisation, user: np.ndarray, item: np.ndarray) -> np.ndarray:
    return w.mean + w.user_bias[user] + w.item_bias[item] + (w.p[user] * w.q[item]).sum(axis=1)


def copy(w: Factorisation) -> Factorisation:
    return Factorisation(w.mean, w.user_bias.copy(), w.item_bias.copy(), w.p.copy(), w.q.copy())


def same(a: Factorisation, b: Factorisation) -> bool:
    return a.mean == b.mean and all(np.array_equal(x, y) for x, y in zip(a[1:], b[1:], strict=True))


def fitted(given: Ratings, n_users: int, n_items: int, rank: int, epochs: int, **how: Any) -> Factorisation:
    """Return what all epochs come to."""
    how = {"seed": 0, **STEPS, **how}
    w = svd_start(*given, n_users, n_items, rank=rank, init_std=0.1, seed=how["seed"])
    for _ in svd_epochs(w, *given, epochs=epochs, **how):
        pass
    return w


def groups(user: np.ndarray, item: np.ndarray, n_users: int, n_items: int) -> tuple[np.ndarray, np.ndarray]:
    return deal(user, n_users)[user], deal(item, n_items)[item]


@settings(max_examples=40)
@given(
    n_users=st.integers(1, 40),
    n_items=st.integers(1, 40),
    n=st.integers(1, 400),
    rank=st.integers(0, 35),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_kernel_equals_twin(isa: str, n_users: int, n_items: int, n: int, rank: int, threads: int, seed: int) -> None:
    user, item, value = ratings(n_users, n_items, n, seed)
    w = svd_start(user, item, value, n_users, n_items, rank=rank, init_std=0.3, seed=seed)
    twin = copy(w)
    order, begin = blocks(user, *groups(user, item, n_users, n_items))
    for epoch in range(2):
        visited = user[order], item[order], value[order], begin, np.random.default_rng(epoch).permutation(SIDE)
        loss = svd_epoch(w, *visited, **STEPS, threads=threads)
        assert loss == pytest.approx(svd_epoch_numpy(twin, *visited, **STEPS), rel=1e-4)
    for x, y in zip(w[1:], twin[1:], strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-4)


@given(n_users=st.integers(1, 60), n_items=st.integers(1, 60), n=st.integers(1, 500), seed=st.integers(0, 1000))
def test_blocks_of_a_stratum_are_disjoint(n_users: int, n_items: int, n: int, seed: int) -> None:
    user, item, _ = ratings(n_users, n_items, n, seed)
    order, begin = blocks(user, *groups(user, item, n_users, n_items))
    np.testing.assert_array_equal(np.sort(order), np.arange(n))  # every rating once
    assert begin.shape == (SIDE * SIDE + 1,) and begin[0] == 0 and begin[-1] == n
    for shift in range(SIDE):
        of_stratum = [g * SIDE + (g + shift) % SIDE for g in range(SIDE)]
        for index in (user, item):
            seen = [set(index[order[begin[b] : begin[b + 1]]]) for b in of_stratum]
            assert sum(map(len, seen)) == len(set().union(*seen))


def test_groups_have_even_work() -> None:
    rng = np.random.default_rng(0)
    user = (1000 * rng.random(50_000) ** 1.5).astype(np.int32)
    work = np.bincount(deal(user, 1000)[user], minlength=SIDE)
    assert work.max() < 1.1 * work.mean()


def test_threads_agree_to_the_bit_and_seeds_repeat() -> None:
    shape = ratings(300, 200, 20_000, seed=1), 300, 200, 20, 3
    one = fitted(*shape, seed=7, threads=1)
    for threads in (1, 2, 3, 5, 40):
        assert same(one, fitted(*shape, seed=7, threads=threads))
    assert not same(one, fitted(*shape, seed=8, threads=1))


def test_learns_a_planted_matrix() -> None:
    user, item, value = ratings(200, 150, 12_000, seed=3, noise=0.05)
    train, test = slice(0, 10_000), slice(10_000, None)
    w = svd_start(user[train], item[train], value[train], 200, 150, rank=8, init_std=0.1, seed=0)
    losses = list(svd_epochs(w, user[train], item[train], value[train], epochs=60, seed=0, **STEPS))
    assert losses[-1] < losses[0] / 4
    error = predict(w, user[test], item[test]) - value[test]
    assert np.sqrt(np.mean(error**2)) < 0.25 * np.std(value[test])


def test_biases_alone_are_learnt_with_rank_zero() -> None:
    user, item, value = ratings(100, 80, 6000, seed=4)
    w = fitted((user, item, value), 100, 80, rank=0, epochs=30)
    level = np.array([value[user == u].mean() for u in range(100)])
    assert np.corrcoef(w.user_bias, level)[0, 1] > 0.9


def test_epochs_go_on_from_where_they_start_and_stop_when_left() -> None:
    user, item, value = ratings(60, 50, 2000, seed=5)
    whole = svd_start(user, item, value, 60, 50, rank=4, init_std=0.1, seed=0)
    part = copy(whole)
    steps = svd_epochs(whole, user, item, value, epochs=5, seed=0, **STEPS)
    first = [next(steps), next(steps)]
    steps.close()
    assert first == list(svd_epochs(part, user, item, value, epochs=2, seed=0, **STEPS))
    assert same(whole, part)


def test_who_has_no_ratings_is_predicted_by_the_other_side() -> None:
    w = fitted(ratings(30, 20, 500, seed=6), 33, 22, rank=5, epochs=5)
    assert not w.p[30:].any() and not w.q[20:].any() and not w.user_bias[30:].any() and not w.item_bias[20:].any()
    assert w.p[:30].any(axis=1).all()


def test_divergence_and_nothing_to_learn_from_are_said() -> None:
    user, item, value = ratings(30, 20, 500, seed=6)
    with pytest.raises(UserError, match="diverged in epoch"), np.errstate(all="ignore"):
        fitted((user, item, value), 30, 20, rank=5, epochs=50, learning_rate=20.0, l2=0.0, l2_bias=0.0)
    with pytest.raises(UserError, match="no ratings"):
        svd_start(user[:0], item[:0], value[:0], 30, 20, rank=5, init_std=0.1, seed=0)


def test_what_would_leave_the_arrays_is_refused() -> None:
    user, item, value = ratings(30, 20, 500, seed=6)
    w = svd_start(user, item, value, 30, 20, rank=5, init_std=0.1, seed=0)
    whole, still = np.array([0, 500]), np.array([0])
    for u, i, v, begin, shift in (
        (user + 1, item, value, whole, still),
        (user - 1, item, value, whole, still),
        (user, item + 1, value, whole, still),
        (user, item[1:], value, whole, still),
        (user, item, value, whole + 1, still),
        (user, item, value, np.array([10, 0]), still),
        (user, item, value, whole, still + 1),
        (user, item, value, np.array([0, 100, 200, 300, 500]), np.array([0, 0])),
    ):
        with pytest.raises(ValueError):
            svd_epoch(w, u, i, v, begin, shift, **STEPS)
