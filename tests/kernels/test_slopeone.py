"""The kernel against its NumPy twin, and the twin against the definition written out."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from serendip.kernels import compiled
from serendip.kernels.slopeone import differences, differences_numpy


def made(n_users: int, n_items: int, seed: int) -> sp.csr_matrix:
    rng = np.random.default_rng(seed)
    there = rng.random((n_users, n_items)) < 0.4
    return sp.csr_matrix(np.where(there, rng.integers(1, 11, there.shape) / 2, 0).astype(np.float32))


def test_by_definition() -> None:
    a = made(9, 6, 0)
    r, (difference, count) = a.toarray(), differences_numpy(a)
    for i in range(6):
        for j in range(6):
            both = (r[:, i] > 0) & (r[:, j] > 0) & (i != j)
            assert count[i, j] == both.sum()
            assert difference[i, j] == (r[both, i] - r[both, j]).sum()


@pytest.mark.skipif(not compiled.native, reason="the kernels were not built")
@given(n_users=st.integers(0, 30), n_items=st.integers(1, 25), seed=st.integers(0, 1000), threads=st.integers(1, 3))
def test_the_kernel_is_its_twin(n_users: int, n_items: int, seed: int, threads: int) -> None:
    a = made(n_users, n_items, seed)
    for found, expected in zip(differences(a, threads=threads), differences_numpy(a), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_order_of_a_users_ratings_changes_nothing() -> None:
    a = made(12, 20, 1)
    turned = np.concatenate([np.arange(end - 1, begin - 1, -1) for begin, end in pairwise(a.indptr.tolist())])
    other = sp.csr_matrix((a.data[turned], a.indices[turned], a.indptr), shape=a.shape)
    for found, expected in zip(differences(other), differences(a), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_rating_that_is_no_number_is_refused() -> None:
    a = made(9, 6, 0)
    a.data[2] = np.nan
    with pytest.raises(ValueError, match="finite"):
        differences(a)
