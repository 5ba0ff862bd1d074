from itertools import combinations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from serendip.metrics.diversity import diversity

VECTORS = np.array([[1, 0], [0, 2], [3, 0], [1, 1], [0, 0]], np.float32)


def test_golden() -> None:
    item = np.array([[0, 1, 3], [0, 2, 1], [0, 4, -1], [0, 4, 1], [-1, -1, -1]], np.int32)
    half = 1 - 1 / np.sqrt(2)
    expected = [(1 + 2 * half) / 3, (0 + 1 + 1) / 3, np.nan, 1, np.nan]
    np.testing.assert_allclose(diversity(item, VECTORS, 3), expected, atol=1e-7)
    np.testing.assert_allclose(diversity(item, VECTORS, 2), [1, 0, np.nan, np.nan, np.nan], atol=1e-7)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_equals_a_loop_over_pairs_dense_and_sparse(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(9, 4)) * (random.random((9, 4)) < 0.5)
    item = np.stack([random.permutation(9)[:5] for _ in range(3)]).astype(np.int32)
    item[0, 3:] = -1
    expected = []
    for slate in item[:, :k]:
        some = [vectors[i] for i in slate if i >= 0 and np.any(vectors[i])]
        values = [1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in combinations(some, 2)]
        expected.append(np.mean(values) if values else np.nan)
    np.testing.assert_allclose(diversity(item, vectors, k), expected, atol=1e-9)
    np.testing.assert_allclose(diversity(item, sp.csr_array(vectors), k), expected, atol=1e-9)


def test_the_same_item_vector_has_no_diversity() -> None:
    assert diversity(np.array([[0, 2]], np.int32), VECTORS, 2)[0] == pytest.approx(0)
