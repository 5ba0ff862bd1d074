"""The kernel's closed form against the twin, which writes every y_j at every rating; and what it learns."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from serendip.arrays import ItemLists
from serendip.errors import UserError
from serendip.kernels import svdpp
from serendip.kernels.svdpp import Implied, Steps, svdpp_epochs, svdpp_start

STEPS = Steps(learning_rate=0.02, l2=0.05, l2_bias=0.01, l2_implied=0.03)


def ratings(
    n_users: int, n_items: int, share: float, seed: int, more: float = 0.0
) -> tuple[ItemLists, ItemLists, np.ndarray]:
    """Planted: a mean, biases and three factors; `more` is the share of items touched without a rating."""
    rng = np.random.default_rng(seed)
    p, q = rng.normal(0, 0.8, (n_users, 3)), rng.normal(0, 0.8, (n_items, 3))
    full = 3.5 + rng.normal(0, 0.4, (n_users, 1)) + rng.normal(0, 0.4, n_items) + p @ q.T
    draw = rng.random(full.shape)
    rated, touched = csr_matrix(draw < share), csr_matrix(draw < share + more)
    user = np.repeat(np.arange(n_users), np.diff(rated.indptr))
    return ItemLists.of(touched), ItemLists.of(rated), full[user, rated.indices].astype(np.float32)


def predict(w: Implied, implied: ItemLists, user: np.ndarray, item: np.ndarray) -> np.ndarray:
    x = np.array([w.p[u] + w.y[n].sum(axis=0) / np.sqrt(max(len(n), 1))
                  for u, n in enumerate(np.split(implied.item, implied.offset[1:-1]))])  # fmt: skip
    return w.mean + w.user_bias[user] + w.item_bias[item] + (x[user] * w.q[item]).sum(axis=1)


@settings(max_examples=30)
@given(
    n_users=st.integers(1, 25),
    n_items=st.integers(1, 25),
    share=st.floats(0.1, 1.0),
    more=st.sampled_from([0.0, 0.3]),
    rank=st.integers(0, 35),
    seed=st.integers(0, 1000),
)
def test_kernel_equals_twin(
    isa: str, n_users: int, n_items: int, share: float, more: float, rank: int, seed: int
) -> None:
    implied, rated, value = ratings(n_users, n_items, share, seed, more)
    if not len(value):
        return
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for native in (True, False):
            patch.setattr(svdpp.compiled, "native", native)
            patch.setattr(svdpp.compiled, "_said", [True])
            w = svdpp_start(rated, value, n_items, rank=rank, init_std=0.3, seed=seed)
            found.append((w, list(svdpp_epochs(w, implied, rated, value, STEPS, epochs=2, seed=seed, decay=0.9))))
    (kernel, one), (twin, two) = found
    np.testing.assert_allclose(one, two, rtol=1e-4)
    for x, y in zip(kernel[1:], twin[1:], strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-3, atol=2e-4)


def test_seeds_repeat() -> None:
    implied, rated, value = ratings(60, 50, 0.3, seed=1)
    found = []
    for seed in (7, 7, 8):
        w = svdpp_start(rated, value, 50, rank=20, init_std=0.1, seed=7)
        found.append((w, list(svdpp_epochs(w, implied, rated, value, STEPS, epochs=3, seed=seed))))
    assert found[0][1] == found[1][1] != found[2][1]
    assert all(np.array_equal(x, y) for x, y in zip(found[0][0], found[1][0], strict=True))


def test_learns_a_planted_matrix() -> None:
    _, rated, value = ratings(150, 100, 0.6, seed=3)
    user = rated.row
    test = np.random.default_rng(0).random(len(value)) < 0.1
    train = csr_matrix((value[~test], (user[~test], rated.item[~test])), shape=(150, 100))
    rows = ItemLists.of(train)
    w = svdpp_start(rows, train.data, 100, rank=8, init_std=0.1, seed=0)
    losses = list(svdpp_epochs(w, rows, rows, train.data, STEPS, epochs=60, seed=0, decay=0.98))
    assert losses[-1] < losses[0] / 4
    error = predict(w, rows, user[test], rated.item[test]) - value[test]
    assert np.sqrt(np.mean(error**2)) < 0.35 * np.std(value[test])


def test_what_a_history_implies_is_learnt_from_histories_alone() -> None:
    """Ratings follow from which of two kinds of items were touched, and most users have a single rating."""
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1], 400)
    touched = csr_matrix((rng.random((800, 40)) < 0.4) & (np.arange(40) % 2 == kind[:, None]))
    implied = ItemLists.of(touched)
    item = rng.integers(0, 40, 800).astype(np.int32)
    value = np.where(item % 2 == kind, 5, 1).astype(np.float32)
    rated = ItemLists.table(item[:, None])
    w = svdpp_start(rated, value, 40, rank=4, init_std=0.1, seed=0)
    list(svdpp_epochs(w, implied, rated, value, STEPS, epochs=60, seed=0))
    other = (item + 1) % 40
    predicted = predict(w._replace(p=np.zeros_like(w.p)), implied, np.arange(800), other)
    assert ((predicted > 3) == (other % 2 == kind)).mean() > 0.95


def test_who_has_no_ratings_changes_nothing() -> None:
    implied = ItemLists(np.array([0, 2, 4]), np.array([0, 1, 2, 3], np.int32))
    rated = ItemLists(np.array([0, 1, 1]), np.array([0], np.int32))
    value = np.array([4], np.float32)
    w = svdpp_start(rated, value, 4, rank=3, init_std=0.1, seed=0)
    value = value + 1  # an error to learn from
    list(svdpp_epochs(w, implied, rated, value, STEPS, epochs=2, seed=0))
    assert w.y[:2].any(axis=1).all() and not w.y[2:].any() and not w.p[1].any()


def test_divergence_and_nothing_to_learn_from_are_said() -> None:
    implied, rated, value = ratings(30, 20, 0.5, seed=6)
    w = svdpp_start(rated, value, 20, rank=5, init_std=0.1, seed=0)
    with pytest.raises(UserError, match="diverged in epoch"), np.errstate(all="ignore"):
        list(svdpp_epochs(w, implied, rated, value, STEPS._replace(learning_rate=20.0), epochs=50, seed=0))
    with pytest.raises(UserError, match="diverged in epoch"):
        w = svdpp_start(rated, value, 20, rank=5, init_std=0.1, seed=0)
        list(svdpp_epochs(w, implied, rated, np.full_like(value, np.nan), STEPS, epochs=1, seed=0))
    with pytest.raises(UserError, match="no ratings"):
        svdpp_start(ItemLists(np.zeros(31, np.int64), rated.item[:0]), value[:0], 20, rank=5, init_std=0.1, seed=0)


def test_what_would_leave_the_arrays_is_refused() -> None:
    implied, rated, value = ratings(30, 20, 0.5, seed=6)
    w = svdpp_start(rated, value, 20, rank=5, init_std=0.1, seed=0)
    for n, r, v in (
        (implied, replace(rated, item=rated.item + 1), value),
        (replace(implied, item=implied.item - 1), rated, value),
        (implied, rated, value[1:]),
        (replace(implied, offset=implied.offset[1:]), rated, value),
        (implied, replace(rated, offset=rated.offset[::-1]), value),
    ):
        with pytest.raises(ValueError):
            next(svdpp_epochs(w, n, r, v, STEPS, epochs=1, seed=0))
    with pytest.raises(ValueError, match="fit together"):
        next(svdpp_epochs(w._replace(y=w.y[1:]), implied, rated, value, STEPS, epochs=1, seed=0))
