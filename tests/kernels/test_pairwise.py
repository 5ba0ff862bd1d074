"""The kernel against its NumPy twin; the promises: same result for any threads and seed, and it learns."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from serendip.arrays import ItemLists
from serendip.errors import UserError
from serendip.kernels import pairwise
from serendip.kernels.pairwise import (
    LEAST,
    Deal,
    Positives,
    Ranking,
    Squares,
    Steps,
    pairwise_epoch_numpy,
    pairwise_epochs,
    pairwise_start,
    sampled,
)

BPR = Steps("bpr", learning_rate=0.1, l2=0.01, l2_bias=0.02)
WARP = Steps("warp", learning_rate=0.5, l2=0.01, l2_bias=0.02, sampled=8)


def taken(n_users: int, n_items: int, share: float, seed: int) -> ItemLists:
    return ItemLists.of(csr_matrix(np.random.default_rng(seed).random((n_users, n_items)) < share))


def planted(n_users: int, n_items: int, kinds: int, seed: int) -> tuple[ItemLists, np.ndarray]:
    """Each user takes half of the items of their own kind; the rest of the kind is withheld."""
    rng = np.random.default_rng(seed)
    same = np.arange(n_users)[:, None] % kinds == np.arange(n_items) % kinds
    some = rng.random(same.shape) < 0.5
    return ItemLists.of(csr_matrix(same & some)), same & ~some


def fit(
    rows: ItemLists, n_items: int, steps: Steps, rank: int = 8, epochs: int = 3, seed: int = 0, threads: int = 1
) -> Ranking:
    w = pairwise_start(rows, n_items, rank=rank, init_std=0.1, seed=seed)
    for _ in pairwise_epochs(w, rows, steps, epochs=epochs, seed=seed, threads=threads):
        pass
    return w


def same(a: Ranking, b: Ranking) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@settings(max_examples=30)
@given(
    n_users=st.integers(1, 30),
    n_items=st.integers(1, 40),
    share=st.floats(0.02, 1.0),
    rank=st.integers(1, 35),
    side=st.integers(1, 4),
    popularity=st.sampled_from([0.0, 0.5]),
    steps=st.sampled_from([BPR, WARP]),
    seed=st.integers(0, 1000),
)
def test_kernel_equals_twin(
    isa: str, n_users: int, n_items: int, share: float, rank: int, side: int, popularity: float, steps: Steps, seed: int
) -> None:
    rows = taken(n_users, n_items, share, seed)
    steps = replace(steps, popularity=popularity)
    start = pairwise_start(rows, n_items, rank=rank, init_std=0.3, seed=seed)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairwise, "LEAST", max(1, n_items // side))  # small blocks even in a small catalogue
        for native in (True, False):
            patch.setattr(pairwise.compiled, "native", native)
            patch.setattr(pairwise.compiled, "_said", [True])
            w = Ranking(*(a.copy() for a in start))
            losses = list(pairwise_epochs(w, rows, steps, epochs=2, seed=seed, threads=2))
            found.append((w, losses))
    (kernel, one), (twin, two) = found
    np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)
    for x, y in zip(kernel, twin, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("steps", [BPR, WARP, replace(BPR, popularity=0.7)])
def test_threads_agree_to_the_bit_and_seeds_repeat(steps: Steps) -> None:
    n_items = 8 * LEAST
    rows = taken(300, n_items, 0.03, seed=1)
    assert Positives.of(rows, n_items).side == 8
    one = fit(rows, n_items, steps, seed=7)
    for threads in (1, 2, 3, 40):
        assert same(one, fit(rows, n_items, steps, seed=7, threads=threads))
    assert not same(one, fit(rows, n_items, steps, seed=8))


def test_a_row_that_moved_much_moves_less() -> None:
    """The first of two equal rows of WARP has had large gradients."""
    w = pairwise_start(ItemLists.table(np.array([[0], [0]], np.int32)), 2, rank=3, init_std=0.1, seed=0)
    w.p[1] = w.p[0]
    before, squares = w.p.copy(), Squares(np.array([100, 1], np.float32), np.ones(2, np.float32))
    for u in (0, 1):
        w.q[:] = np.arange(2 * w.q.shape[1]).reshape(w.q.shape) * (np.arange(w.q.shape[1]) < 3)
        w.bias[:] = 0
        pairwise._raise(w, squares, replace(WARP, l2=0.0), u, 0, 1, 2.0)
    slow, fast = (np.linalg.norm(w.p[u] - before[u]) for u in (0, 1))
    assert fast == pytest.approx(10 * slow, rel=1e-5)


@pytest.mark.parametrize("steps", [BPR, WARP])
def test_what_was_withheld_comes_first(steps: Steps) -> None:
    rows, withheld = planted(120, 4 * LEAST, 4, seed=2)
    w = fit(rows, 4 * LEAST, steps, epochs=20)
    score = w.p @ w.q.T + w.bias
    score[rows.row, rows.item] = -np.inf
    first = np.argsort(-score, axis=1)[:, :20]
    assert np.take_along_axis(withheld, first, axis=1).mean() > 0.95


def test_groups_of_items_and_blocks_lose_no_pair() -> None:
    n_items = 5 * LEAST
    rows = taken(200, n_items, 0.02, seed=3)
    positives = Positives.of(rows, n_items)
    before = rows.row * n_items + rows.item
    w = pairwise_start(rows, n_items, rank=2, init_std=0.1, seed=0)
    squares = Squares(np.ones(200, np.float32), np.ones(n_items, np.float32))
    pairwise_epoch_numpy(w, squares, positives, Deal.of(positives, 0.0, np.random.default_rng(0)), BPR)
    np.testing.assert_array_equal(np.sort(positives.user.astype(np.int64) * n_items + positives.item), np.sort(before))


def test_each_epoch_deals_known_items_anew() -> None:
    n_items = 4 * LEAST
    positives = Positives.of(taken(50, n_items, 0.1, seed=4), n_items)
    one, two = (Deal.of(positives, 0.0, np.random.default_rng(seed)) for seed in (0, 1))
    np.testing.assert_array_equal(np.sort(one.negative), np.flatnonzero(positives.count))
    assert (one.item_group != two.item_group).mean() > 0.5
    assert np.ptp(np.diff(one.negative_begin)) <= 1


def test_negatives_are_as_frequent_as_their_weight() -> None:
    items, weight = np.arange(5, dtype=np.int32), np.array([1.0, 2, 3, 4, 90])
    drawn = [np.bincount(sampled(items, weight, np.random.default_rng(s)), minlength=5) for s in range(2000)]
    np.testing.assert_allclose(np.mean(drawn, axis=0) / 20, weight / 100, atol=0.005)


@pytest.mark.parametrize("steps", [BPR, WARP])
def test_who_took_everything_or_nothing_teaches_nothing(steps: Steps) -> None:
    rows = ItemLists(np.array([0, 6, 6]), np.arange(6, dtype=np.int32))
    w = pairwise_start(rows, 8, rank=3, init_std=0.1, seed=0)
    start = Ranking(*(a.copy() for a in w))
    assert list(pairwise_epochs(w, rows, steps, epochs=2, seed=0)) == [0.0, 0.0]
    assert same(w, start)
    assert not w.p[1].any() and not w.q[6:].any()


def test_no_pairs_at_all_teach_nothing() -> None:
    rows = ItemLists(np.zeros(4, np.int64), np.empty(0, np.int32))
    w = pairwise_start(rows, 5, rank=3, init_std=0.1, seed=0)
    assert list(pairwise_epochs(w, rows, BPR, epochs=1, seed=0)) == [0.0]


def test_divergence_is_said() -> None:
    rows = taken(30, 20, 0.3, seed=5)
    with pytest.raises(UserError, match="diverged in epoch"), np.errstate(all="ignore"):
        fit(rows, 20, replace(BPR, learning_rate=1e6, l2=1.0), epochs=30)


def test_what_would_leave_the_arrays_is_refused() -> None:
    indptr, indices = np.array([0, 2, 3]), np.array([0, 2, 1], np.int32)
    rows = ItemLists(indptr, indices)
    w = pairwise_start(rows, 3, rank=2, init_std=0.1, seed=0)
    for begin, item in (
        (indptr, indices + 1),
        (indptr, indices - 1),
        (indptr[:-1], indices),
        (np.array([0, 3, 2]), indices),
        (indptr, np.array([2, 0, 1])),  # does not ascend
        (indptr, np.array([2, 2, 1])),  # twice
    ):
        with pytest.raises(ValueError):
            next(pairwise_epochs(w, ItemLists(begin, item), BPR, epochs=1, seed=0))
    with pytest.raises(ValueError, match="fit together"):
        next(pairwise_epochs(w._replace(p=w.p[:, :2], q=w.q[:, :2]), rows, BPR, epochs=1, seed=0))
    with pytest.raises(ValueError, match="sampled"):
        next(pairwise_epochs(w, rows, replace(WARP, sampled=0), epochs=1, seed=0))
    with pytest.raises(ValueError, match="float32"):
        next(pairwise_epochs(w._replace(p=w.p.astype(np.float64)), rows, BPR, epochs=1, seed=0))
