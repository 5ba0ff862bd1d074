"""The kernel against its NumPy twin, and both against the conditions that the one minimum fulfils."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.kernels import compiled
from serendip.kernels.slim import slim_columns, slim_columns_numpy


def made(n_users: int, n_items: int, seed: int, density: float = 0.3) -> sp.csr_array:
    return sp.random_array((n_users, n_items), density=density, format="csr", rng=seed, dtype=np.float32)


def gram(x: sp.csr_array) -> sp.csr_matrix:
    g = sp.csr_matrix(x.T @ x)
    g.sort_indices()
    return g


@pytest.mark.parametrize("columns", [slim_columns, slim_columns_numpy])
@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.5), (0.3, 0.2), (2.0, 1.0)])
def test_the_weights_are_the_minimum(columns: Any, l1: float, l2: float) -> None:
    x = made(60, 25, 0)
    w = columns(gram(x), l1=l1, l2=l2, k=25, sweeps=2000, tolerance=1e-6).toarray()
    g = (x.T @ x).toarray()
    slope = g @ w - g + l2 * w + l1  # of the objective, where weights are above 0
    others = ~np.eye(25, dtype=bool)
    assert (w >= 0).all() and not w.diagonal().any()
    np.testing.assert_allclose(slope[(w > 0) & others], 0, atol=2e-4)
    assert (slope[(w == 0) & others] > -2e-4).all()


@pytest.mark.skipif(not compiled.native, reason="the kernels were not built")
@given(
    n_users=st.integers(1, 30), n_items=st.integers(1, 20), k=st.integers(1, 20), seed=st.integers(0, 1000),
    l1=st.sampled_from([0.0, 0.1, 0.5]),
)  # fmt: skip
@settings(max_examples=60)
def test_the_kernel_is_its_twin(n_users: int, n_items: int, k: int, seed: int, l1: float) -> None:
    g = gram(made(n_users, n_items, seed))
    wanted = {"l1": l1, "l2": 0.3, "k": k, "sweeps": 3000, "tolerance": 1e-7}
    found, twin = slim_columns(g, **wanted), slim_columns_numpy(g, **wanted)
    assert found.dtype == twin.dtype == np.float32
    np.testing.assert_allclose(found.toarray(), twin.toarray(), atol=2e-4)


def test_each_instruction_set_gives_the_same(isa: str) -> None:
    g = gram(made(200, 60, 1))
    found = slim_columns(g, l1=0.2, l2=0.5, k=40, sweeps=2000, tolerance=1e-6)
    twin = slim_columns_numpy(g, l1=0.2, l2=0.5, k=40, sweeps=2000, tolerance=1e-6)
    np.testing.assert_allclose(found.toarray(), twin.toarray(), atol=2e-4)


def test_threads_change_nothing() -> None:
    g = gram(made(300, 120, 2))
    one, three = (slim_columns(g, l1=0.1, l2=0.5, k=50, threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one.toarray(), three.toarray())


def test_at_most_k_weights_a_column_and_those_of_the_best_alone() -> None:
    g = gram(made(300, 40, 3))
    assert np.diff(slim_columns(g, l1=0.0, l2=0.5, k=3).indptr).max() == 3


def test_no_items_and_items_that_nobody_has() -> None:
    empty = gram(sp.csr_array((5, 4), dtype=np.float32))
    assert slim_columns(empty, l1=0.0, l2=1.0, k=3).nnz == 0
    none = gram(sp.csr_array((5, 0), dtype=np.float32))
    assert slim_columns(none, l1=0.0, l2=1.0, k=3).shape == (0, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_a_product_that_is_no_product_is_refused(value: float) -> None:
    g = gram(made(20, 10, 4))
    g.data[3] = value
    with pytest.raises(ValueError, match="finite numbers of 0 or more"):
        slim_columns(g, l1=0.0, l2=1.0, k=3)


@pytest.mark.parametrize("change", [{"l2": 0.0}, {"l1": -1.0}, {"k": 0}, {"sweeps": 0}, {"l2": np.nan}])
def test_a_setting_out_of_bounds_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="l1"):
        slim_columns(gram(made(20, 10, 4)), **{"l1": 0.0, "l2": 1.0, "k": 3, **change})


def test_a_broken_pattern_is_refused() -> None:
    g = gram(made(20, 10, 4))
    g.indices[0] = 10
    with pytest.raises(ValueError, match=r"indices must lie in \[0, 10\)"):
        slim_columns(g, l1=0.0, l2=1.0, k=3)
