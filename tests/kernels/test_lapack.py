"""The inverse in its place, checked against NumPy's."""

import numpy as np
import pytest

from serendip.kernels.lapack import inverse_lower


def positive(n: int) -> np.ndarray:
    x = np.random.default_rng(n).standard_normal((n, 2 * n + 1)).astype(np.float32)
    return x @ x.T + np.eye(n, dtype=np.float32)


@pytest.mark.parametrize(("n", "block"), [(1, 512), (2, 1), (7, 3), (65, 16), (64, 32), (600, 512)])
def test_the_lower_triangle_is_the_inverse(n, block, monkeypatch):
    monkeypatch.setattr("serendip.kernels.lapack.BLOCK", block)
    a = positive(n)
    expected = np.linalg.inv(a.astype(np.float64))
    above = np.triu(a, 1)
    assert inverse_lower(a) == 0
    np.testing.assert_allclose(np.tril(a), np.tril(expected), rtol=2e-4, atol=1e-5)
    np.testing.assert_array_equal(np.triu(a, 1), above)


def test_nothing_is_inverted_to_nothing():
    assert inverse_lower(np.empty((0, 0), np.float32)) == 0


@pytest.mark.parametrize("block", [1, 2, 512])
def test_a_matrix_that_is_not_positive_definite_is_told(block, monkeypatch):
    monkeypatch.setattr("serendip.kernels.lapack.BLOCK", block)
    assert inverse_lower(np.diag(np.array([1, 1, -1, 1], np.float32))) == 3


@pytest.mark.parametrize("wrong", [np.eye(3), np.ones((2, 3), np.float32), np.asfortranarray(positive(3))[:, ::-1]])
def test_another_kind_of_matrix_is_refused(wrong):
    with pytest.raises(ValueError, match="matrix must be"):
        inverse_lower(wrong)
