"""The kernel against its twin, the twin against the slope of the log-likelihood."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32
from serendip.kernels import logistic
from serendip.kernels.lines import lines
from serendip.kernels.logistic import Ascent, Compared, logistic_step, logistic_step_numpy


def likelihood(x: np.ndarray, y: np.ndarray, w: np.ndarray, l2: float, rank: int) -> float:
    """Return what is maximised: sum w s - (1 + w) ln(1 + e^s) - l2 / 2 |x|^2, the biases having no penalty."""
    s = x @ y.T
    return float((w * s - (1 + w) * np.logaddexp(0, s)).sum() - l2 / 2 * (x[:, :rank] ** 2).sum())


def sides(n: int, m: int, rank: int, share: float, seed: int, spread: float = 1.0) -> tuple[CSR, F32, F32]:
    g = np.random.default_rng(seed)
    x, y = lines(n, rank + 2), lines(m, rank + 2)
    for side in (x, y):
        side[:, : rank + 2] = spread * g.normal(size=(len(side), rank + 2))
    w = g.integers(1, 4, (n, m)) * (g.random((n, m)) < share)
    return csr_matrix(w.astype(np.float32)), x, y


@settings(max_examples=30)
@given(
    n=st.integers(0, 9),
    m=st.integers(1, 40),
    n_drawn=st.integers(0, 21),
    rank=st.sampled_from([1, 8, 14, 15, 40]),
    share=st.sampled_from([0.0, 0.3, 1.0]),
    spread=st.sampled_from([0.3, 30.0]),
    seed=st.integers(0, 1000),
)
def test_kernel_equals_twin(
    isa: str, n: int, m: int, n_drawn: int, rank: int, share: float, spread: float, seed: int
) -> None:
    g = np.random.default_rng(seed)
    compared = Compared(g.integers(0, m, n_drawn), g.uniform(0.5, 9, n_drawn).astype(np.float32))
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for native in (True, False):
            patch.setattr(logistic.compiled, "native", native)
            patch.setattr(logistic.compiled, "_said", [True])
            taken, x, y = sides(n, m, rank, share, seed, spread)
            before, square = x.copy(), np.full_like(x, 0.1)
            logistic_step(taken, x, square, y, compared, rank, Ascent(0.1, 0.5, rank), threads=1 + seed % 3)
            assert not x[:, rank + 2 :].any()
            np.testing.assert_array_equal(x[:, rank], before[:, rank])
            found.append((x, square))
    for kernel, twin in zip(*found, strict=True):
        np.testing.assert_allclose(kernel, twin, rtol=2e-3, atol=1e-3)


def test_a_step_is_up_the_gradient(isa: str) -> None:
    rank, l2 = 3, 0.5
    taken, x, y = sides(5, 7, rank, 0.5, 0)
    w, exact, slope = taken.toarray().astype(np.float64), x.astype(np.float64), np.zeros(x.shape)
    for at in np.ndindex(5, rank + 2):
        shifted = exact.copy()
        shifted[at] += 1e-6
        slope[at] = (likelihood(shifted, y, w, l2, rank) - likelihood(exact, y, w, l2, rank)) / 1e-6
    slope[:, rank] = 0  # the column that stays
    everyone = Compared(np.arange(7), np.ones(7, np.float32))
    for step in (logistic_step, logistic_step_numpy):
        after, square = x.copy(), np.zeros_like(x)
        step(taken, after, square, y, everyone, rank, Ascent(0.1, l2, rank))
        np.testing.assert_allclose(square, slope**2, rtol=1e-2, atol=1e-3)
        np.testing.assert_allclose(after - x, 0.1 * np.sign(slope), atol=1e-3)  # AdaGrad's first step


def test_what_would_leave_the_arrays_is_refused() -> None:
    taken, x, y = sides(4, 6, 2, 0.5, 0)
    two, ascent = Compared(np.arange(2), np.ones(2, np.float32)), Ascent(0.1, 0.0, 2)
    with pytest.raises(ValueError, match="do not fit"):
        logistic_step(taken, x, np.zeros_like(x), y[:5], two, 2, ascent)
    with pytest.raises(ValueError, match="float32"):
        logistic_step(taken, x.astype(np.float64), np.zeros(x.shape), y.astype(np.float64), two, 2, ascent)
    with pytest.raises(ValueError, match="compared"):
        logistic_step(taken, x, np.zeros_like(x), y, two._replace(each=np.ones(3, np.float32)), 2, ascent)
    with pytest.raises(ValueError, match="column"):
        logistic_step(taken, x, np.zeros_like(x), y, two, 16, ascent)
