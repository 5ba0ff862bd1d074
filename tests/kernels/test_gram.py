"""Gram matrices against NumPy's and SciPy's, with every instruction set."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse import random as sparse_random

from serendip.kernels.gram import (
    gram,
    gram_numpy,
    mirror,
    mirror_numpy,
    sandwich,
    sandwich_numpy,
    sparse_gram,
    sparse_gram_numpy,
)


def made(m: int, n: int, seed: int, ones: bool) -> csr_matrix:
    x = sparse_random(m, n, 0.2, format="csr", dtype=np.float32, random_state=np.random.default_rng(seed))
    if ones:
        x.data[:] = 1
    return x


sizes = st.one_of(st.integers(0, 20), st.sampled_from([63, 64, 65, 130]))


@given(m=st.integers(0, 700), rank=st.integers(0, 70), threads=st.integers(1, 3), seed=st.integers(0, 100))
def test_dense_gram_equals_twin(isa: str, m: int, rank: int, threads: int, seed: int) -> None:
    y = np.random.default_rng(seed).normal(0, 1, (m, rank)).astype(np.float32)
    np.testing.assert_allclose(gram(y, threads=threads), gram_numpy(y), rtol=1e-5, atol=1e-4)


def test_gram_of_many_rows_is_accurate_and_the_same_for_any_threads(isa: str) -> None:
    y = np.random.default_rng(0).uniform(0, 1, (300_000, 9)).astype(np.float32)
    one = gram(y, threads=1)
    np.testing.assert_allclose(one, gram_numpy(y), rtol=1e-6)
    np.testing.assert_array_equal(one, gram(y, threads=4))


@given(m=sizes, n=sizes, seed=st.integers(0, 1000), ones=st.booleans(), threads=st.integers(1, 3))
def test_gram_equals_twin(isa: str, m: int, n: int, seed: int, ones: bool, threads: int) -> None:
    x = made(m, n, seed, ones)
    np.testing.assert_allclose(sparse_gram(x, threads=threads), sparse_gram_numpy(x), rtol=1e-5, atol=1e-5)


def test_twins_answer_in_rows_as_what_inverts_in_place_asks_for() -> None:
    x = made(40, 30, 0, ones=True)
    for answer in (sparse_gram_numpy(x), sandwich_numpy(x, np.eye(40, dtype=np.float32))):
        assert answer.flags.c_contiguous


@given(m=sizes, more=st.integers(0, 70), seed=st.integers(0, 1000), ones=st.booleans(), threads=st.integers(1, 3))
def test_sandwich_equals_twin(isa: str, m: int, more: int, seed: int, ones: bool, threads: int) -> None:
    x = made(m, m + more, seed, ones)
    k = np.random.default_rng(seed).standard_normal((m, m)).astype(np.float32)
    found, twin = sandwich(x, k + k.T, threads=threads), sandwich_numpy(x, k + k.T)
    np.testing.assert_allclose(found, twin, rtol=1e-4, atol=1e-3)


def test_threads_do_not_change_a_bit(isa: str) -> None:
    x = made(150, 300, 0, ones=False)
    k = np.random.default_rng(0).standard_normal((150, 150)).astype(np.float32)
    one, three = ((sparse_gram(x, threads=t), sandwich(x, k + k.T, threads=t)) for t in (1, 3))
    np.testing.assert_array_equal(one[0], three[0])
    np.testing.assert_array_equal(one[1], three[1])


@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 100])
def test_mirror_copies_the_lower_triangle(isa: str, n: int) -> None:
    a = np.random.default_rng(n).standard_normal((n, n)).astype(np.float32)
    twin = a.copy()
    mirror(a)
    mirror_numpy(twin)
    np.testing.assert_array_equal(a, twin)
    np.testing.assert_array_equal(a, a.T)


def test_unsorted_rows_and_repeated_places_are_added_up(isa: str) -> None:
    indptr, indices = np.array([0, 4, 4, 5]), np.array([2, 0, 2, 1, 1], np.int32)
    value = np.array([1, 2, 3, 5, 7], np.float32)
    given_ = csr_matrix((value, indices, indptr), shape=(3, 3))
    before = indices.copy(), value.copy()
    x = np.array([[2, 5, 4], [0, 0, 0], [0, 7, 0]], np.float32)
    np.testing.assert_array_equal(sparse_gram(given_), x.T @ x)
    k = np.array([[1, 2, 0], [2, 3, 1], [0, 1, 4]], np.float32)
    np.testing.assert_array_equal(sandwich(given_, k), x.T @ k @ x)
    np.testing.assert_array_equal(before[0], given_.indices)
    np.testing.assert_array_equal(before[1], given_.data)


def test_a_user_with_every_item_and_users_with_none(isa: str) -> None:
    x = np.zeros((5, 70), np.float32)
    x[2] = 1
    x[4, 3] = 1
    np.testing.assert_array_equal(sparse_gram(csr_matrix(x)), x.T @ x)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="NaN or infinity"):
        sparse_gram(csr_matrix(np.array([[wrong]], np.float32)))


def test_arrays_that_do_not_fit_are_refused() -> None:
    x = csr_matrix(np.array([[1, 0]], np.float32))
    x.indices[0] = 3
    with pytest.raises(ValueError, match="indices must lie"):
        sparse_gram(x)
    x = csr_matrix(np.array([[1, 0]], np.float32))
    x.data = np.ones(2, np.float32)
    with pytest.raises(ValueError, match="equally long"):
        sparse_gram(x)
    with pytest.raises(ValueError, match="no more rows"):
        sandwich(csr_matrix(np.ones((2, 1), np.float32)), np.eye(2, dtype=np.float32))
    with pytest.raises(ValueError, match="square"):
        mirror(np.ones((2, 3), np.float32))
