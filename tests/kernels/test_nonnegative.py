"""The kernel against its NumPy twin, and both against SciPy's non-negative least squares."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import nnls

from serendip.kernels import compiled
from serendip.kernels.nonnegative import nonnegative_rows, nonnegative_rows_numpy

RUNS = [nonnegative_rows, nonnegative_rows_numpy]


def made(n: int, m: int, rank: int, seed: int, *, given: bool) -> dict[str, Any]:
    """Over the stored entries, or over all of them; the second row is empty."""
    rng = np.random.default_rng(seed)
    a = sp.random_array((n, m), density=0.4, format="lil", rng=rng, dtype=np.float32)
    a[1] = 0
    a = a.tocsr()
    y = rng.random((m, rank), np.float32) - np.float32(0.3)
    return {
        "indptr": a.indptr.astype(np.int64), "indices": a.indices.astype(np.int32),
        "weight": np.full(a.nnz, given, np.float32), "target": a.data, "y": y,
        "gram": np.zeros((rank, rank), np.float32) if given else y.T @ y,
        "l2": np.full(n, 0.1, np.float32), "x": np.zeros((n, rank), np.float32),
    }  # fmt: skip


@pytest.mark.parametrize("rows", RUNS)
@pytest.mark.parametrize("given", [False, True])
def test_a_row_is_the_non_negative_least_squares(rows: Any, given: bool) -> None:
    p = made(12, 20, 7, 0, given=given)
    rows(**p, sweeps=3000, tolerance=1e-7)
    a = sp.csr_array((p["target"], p["indices"], p["indptr"]), shape=(12, 20)).toarray()
    stored = sp.csr_array((np.ones_like(p["target"]), p["indices"], p["indptr"]), shape=(12, 20)).toarray() > 0
    for u in range(12):
        at = stored[u] if given else np.full(20, stored[u].any())
        left = np.vstack([p["y"][at], np.sqrt(0.1) * np.eye(7)]).astype(np.float64)
        expected = nnls(left, np.r_[a[u, at], np.zeros(7)])[0]
        np.testing.assert_allclose(p["x"][u], expected, atol=1e-4)


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("rank", [1, 8, 13])
def test_each_instruction_set_is_the_twin(isa: str, given: bool, rank: int) -> None:
    kernel, twin = (made(40, 30, rank, 1, given=given) for _ in range(2))
    nonnegative_rows(**kernel, sweeps=3)
    nonnegative_rows_numpy(**twin, sweeps=3)
    np.testing.assert_allclose(kernel["x"], twin["x"], atol=1e-4)


@pytest.mark.skipif(not compiled.native, reason="the kernels were not built")
def test_threads_change_nothing() -> None:
    one, three = (made(200, 50, 9, 2, given=True) for _ in range(2))
    nonnegative_rows(**one, sweeps=5, threads=1)
    nonnegative_rows(**three, sweeps=5, threads=3)
    np.testing.assert_array_equal(one["x"], three["x"])


@pytest.mark.parametrize("rows", RUNS)
def test_a_row_without_entries_and_a_factor_of_zeros_become_zeros(rows: Any) -> None:
    p = made(5, 20, 4, 3, given=True)
    p["y"][:, 2] = 0
    p["l2"][:] = 0
    p["x"][:] = 1
    rows(**p, sweeps=50)
    assert not p["x"][1].any() and not p["x"][:, 2].any()
    assert np.isfinite(p["x"]).all()


@pytest.mark.parametrize("name", ["weight", "target", "l2", "x"])
def test_nan_is_refused(name: str) -> None:
    p = made(5, 20, 4, 3, given=True)
    p[name].flat[0] = np.nan
    with pytest.raises(ValueError, match=name):
        nonnegative_rows(**p)


def test_shapes_that_do_not_fit_are_refused() -> None:
    p = made(5, 20, 4, 3, given=True)
    with pytest.raises(ValueError, match="do not fit"):
        nonnegative_rows(**{**p, "l2": np.ones(4, np.float32)})
    with pytest.raises(ValueError, match="equally long"):
        nonnegative_rows(**{**p, "weight": p["weight"][1:]})
    with pytest.raises(ValueError, match="updated in place"):
        nonnegative_rows(**{**p, "x": p["x"].astype(np.float64)})
