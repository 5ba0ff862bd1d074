"""The kernel against its NumPy twin, and both against SciPy's non-negative least squares."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import nnls

from serendip.arrays import F32
from serendip.kernels import compiled
from serendip.kernels.nonnegative import nonnegative_rows, nonnegative_rows_numpy
from serendip.kernels.system import Systems

RUNS = [nonnegative_rows, nonnegative_rows_numpy]


def made(n: int, m: int, rank: int, seed: int, *, given: bool) -> tuple[Systems, F32]:
    """Over the stored entries, or over all of them; the second row is empty. And where descent starts."""
    rng = np.random.default_rng(seed)
    a = sp.random_array((n, m), density=0.4, format="lil", rng=rng, dtype=np.float32)
    a[1] = 0
    a = a.tocsr()
    y = rng.random((m, rank), np.float32) - np.float32(0.3)
    systems = Systems(
        a.indptr.astype(np.int64), a.indices.astype(np.int32), np.full(a.nnz, given, np.float32), a.data, y,
        np.zeros((rank, rank), np.float32) if given else y.T @ y, np.full(n, 0.1, np.float32),
    )  # fmt: skip
    return systems, np.zeros((n, rank), np.float32)


@pytest.mark.parametrize("rows", RUNS)
@pytest.mark.parametrize("given", [False, True])
def test_a_row_is_the_non_negative_least_squares(rows: Any, given: bool) -> None:
    p, x = made(12, 20, 7, 0, given=given)
    rows(p, x, sweeps=3000, tolerance=1e-7)
    a = sp.csr_array((p.target, p.indices, p.indptr), shape=(12, 20)).toarray()
    stored = sp.csr_array((np.ones_like(p.target), p.indices, p.indptr), shape=(12, 20)).toarray() > 0
    for u in range(12):
        at = stored[u] if given else np.full(20, stored[u].any())
        left = np.vstack([p.y[at], np.sqrt(0.1) * np.eye(7)]).astype(np.float64)
        expected = nnls(left, np.r_[a[u, at], np.zeros(7)])[0]
        np.testing.assert_allclose(x[u], expected, atol=1e-4)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("rank", [1, 8, 13])
def test_each_instruction_set_is_the_twin(isa: str, given: bool, rank: int) -> None:
    (p, kernel), (_, twin) = (made(40, 30, rank, 1, given=given) for _ in range(2))
    nonnegative_rows(p, kernel, sweeps=3)
    nonnegative_rows_numpy(p, twin, sweeps=3)
    np.testing.assert_allclose(kernel, twin, atol=1e-4)


@pytest.mark.skipif(not compiled.native, reason="the kernels were not built")
def test_threads_change_nothing() -> None:
    (p, one), (_, three) = (made(200, 50, 9, 2, given=True) for _ in range(2))
    nonnegative_rows(p, one, sweeps=5, threads=1)
    nonnegative_rows(p, three, sweeps=5, threads=3)
    np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("rows", RUNS)
def test_a_row_without_entries_and_a_factor_of_zeros_become_zeros(rows: Any) -> None:
    p, x = made(5, 20, 4, 3, given=True)
    p.y[:, 2] = 0
    p.l2[:] = 0
    x[:] = 1
    rows(p, x, sweeps=50)
    assert not x[1].any() and not x[:, 2].any()
    assert np.isfinite(x).all()


@pytest.mark.parametrize("name", ["weight", "target", "l2", "x"])
def test_nan_is_refused(name: str) -> None:
    p, x = made(5, 20, 4, 3, given=True)
    {**p._asdict(), "x": x}[name].flat[0] = np.nan
    with pytest.raises(ValueError, match=name):
        nonnegative_rows(p, x)


def test_shapes_that_do_not_fit_are_refused() -> None:
    p, x = made(5, 20, 4, 3, given=True)
    with pytest.raises(ValueError, match="do not fit"):
        nonnegative_rows(p, x[:, 1:].copy())
    with pytest.raises(ValueError, match="one more entry"):
        nonnegative_rows(p._replace(l2=np.ones(4, np.float32)), x)
    with pytest.raises(ValueError, match="equally long"):
        nonnegative_rows(p._replace(weight=p.weight[1:]), x)
    with pytest.raises(ValueError, match="updated in place"):
        nonnegative_rows(p, x.astype(np.float64))
