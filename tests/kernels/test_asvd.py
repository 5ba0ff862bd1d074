"""The kernel against its twin, the twin against the slope of the loss, and what is learnt."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from serendip.errors import UserError
from serendip.kernels import asvd
from serendip.kernels.asvd import Asymmetric, Told, asvd_epoch_numpy, asvd_epochs, asvd_start
from serendip.kernels.lines import lines


def told(n_users: int, n_items: int, share: float, seed: int, more: float = 0.0) -> Told:
    """Three planted factors; `more` is the share of items touched without a rating."""
    rng = np.random.default_rng(seed)
    full = rng.normal(0, 0.8, (n_users, 3)) @ rng.normal(0, 0.8, (3, n_items))
    draw = rng.random(full.shape)
    touched = csr_matrix(draw < share + more)
    user = np.repeat(np.arange(n_users), np.diff(touched.indptr))
    rated = draw[user, touched.indices] < share
    rest = np.where(rated, full[user, touched.indices], 0).astype(np.float32)
    return Told(touched.indptr.astype(np.int64), touched.indices, rated, rest)


def shuffled(w: Asymmetric, rank: int) -> Asymmetric:
    """Return other factors of the same shape, all three kinds of them."""
    rng = np.random.default_rng(9)
    for factors in w:
        factors[:, :rank] = 0.3 * rng.standard_normal((len(factors), rank))
    return w


@settings(max_examples=30)
@given(
    n_users=st.integers(1, 25),
    n_items=st.integers(1, 25),
    share=st.floats(0.0, 1.0),
    more=st.sampled_from([0.0, 0.3]),
    rank=st.integers(1, 35),
    seed=st.integers(0, 1000),
)
def test_kernel_equals_twin(
    isa: str, n_users: int, n_items: int, share: float, more: float, rank: int, seed: int
) -> None:
    rows = told(n_users, n_items, share, seed, more)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for native in (True, False):
            patch.setattr(asvd.compiled, "native", native)
            patch.setattr(asvd.compiled, "_said", [True])
            w = shuffled(asvd_start(rows, n_items, rank=rank, init_std=0.3, seed=seed), rank)
            losses = list(asvd_epochs(w, rows, epochs=2, learning_rate=0.02, l2=0.05, seed=seed, decay=0.9))
            assert not any(factors[:, rank:].any() for factors in w)
            found.append((w, losses))
    (kernel, one), (twin, two) = found
    np.testing.assert_allclose(one, two, rtol=1e-4)
    for x, y in zip(kernel, twin, strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-3, atol=2e-4)


def test_a_step_is_down_the_gradient() -> None:
    rows, step = told(1, 20, 0.5, seed=4, more=0.2), 1e-3
    w = shuffled(asvd_start(rows, 20, rank=3, init_std=0.3, seed=0), 3)
    n, rated, rest = rows.indices, rows.rated, rows.rest.astype(np.float64)

    def loss(y: np.ndarray, x: np.ndarray, z: np.ndarray) -> float:
        total = 0.0
        for i, value in zip(n[rated], rest[rated], strict=True):
            r, others = rated & (n != i), n != i
            taste = rest[r] @ x[n[r]] / np.sqrt(rated.sum()) + z[n[others]].sum(axis=0) / np.sqrt(len(n))
            total += 0.5 * (value - y[i] @ taste) ** 2
        return total

    exact = [factors.astype(np.float64) for factors in w]
    after = Asymmetric(*(factors.copy() for factors in w))
    asvd_epoch_numpy(after, np.zeros(1, np.int32), rows, step, 0.0)
    for which in range(3):
        for at in ((n[rated][0], 0), (n[rated][1], 2), (n[~rated][0], 1)):
            shifted = [factors.copy() for factors in exact]
            shifted[which][at] += 1e-4
            slope = (loss(*shifted) - loss(*exact)) / 1e-4
            assert (after[which][at] - w[which][at]) / step == pytest.approx(-slope, rel=0.02, abs=0.02)


def test_learns_a_planted_matrix_and_seeds_repeat() -> None:
    rows = told(150, 60, 0.5, seed=3)
    found = []
    for seed in (7, 7, 8):
        w = asvd_start(rows, 60, rank=8, init_std=0.1, seed=1)
        found.append((w, list(asvd_epochs(w, rows, epochs=40, learning_rate=0.02, l2=0.01, seed=seed))))
    assert found[0][1][-1] < 0.5 * found[0][1][0]
    assert found[0][1] == found[1][1] != found[2][1]
    assert all(np.array_equal(x, y) for x, y in zip(found[0][0], found[1][0], strict=True))


def test_who_has_no_ratings_changes_nothing() -> None:
    rows = Told(np.array([0, 1, 3]), np.array([0, 1, 2], np.int32), np.array([True, False, False]),
                np.array([1, 0, 0], np.float32))  # fmt: skip
    w = shuffled(asvd_start(rows, 4, rank=3, init_std=0.1, seed=0), 3)
    before = Asymmetric(*(factors.copy() for factors in w))
    list(asvd_epochs(w, rows, epochs=2, learning_rate=0.1, l2=0.1, seed=0))
    assert all(np.array_equal(x[1:], y[1:]) for x, y in zip(w, before, strict=True))
    assert not np.array_equal(w.y[0], before.y[0])


def test_divergence_is_said() -> None:
    rows = told(30, 20, 0.5, seed=6)
    for rate, value in ((50.0, rows.rest), (0.1, np.full_like(rows.rest, np.nan))):
        w = asvd_start(rows, 20, rank=5, init_std=0.1, seed=0)
        with pytest.raises(UserError, match="diverged in epoch"), np.errstate(all="ignore"):
            list(asvd_epochs(w, rows._replace(rest=value), epochs=50, learning_rate=rate, l2=0.0, seed=0))


def test_what_would_leave_the_arrays_is_refused() -> None:
    rows = told(30, 20, 0.5, seed=6)
    w = asvd_start(rows, 20, rank=5, init_std=0.1, seed=0)
    for bad in (
        rows._replace(indices=rows.indices + 1),
        rows._replace(indices=rows.indices - 1),
        rows._replace(indptr=rows.indptr[::-1]),
        rows._replace(rest=rows.rest[1:]),
        rows._replace(rated=rows.rated[1:]),
    ):
        with pytest.raises(ValueError):
            next(asvd_epochs(w, bad, epochs=1, learning_rate=0.1, l2=0.0, seed=0))
    for factors in (w._replace(z=w.z[1:]), w._replace(z=lines(20, 17)), Asymmetric(*(f[:, :5].copy() for f in w))):
        with pytest.raises(ValueError, match="fit together"):
            next(asvd_epochs(factors, rows, epochs=1, learning_rate=0.1, l2=0.0, seed=0))
