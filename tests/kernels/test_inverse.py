"""The kernel against its NumPy twin; with every column allowed it is the inverse itself."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from serendip.arrays import ItemLists, offsets
from serendip.kernels import compiled
from serendip.kernels.inverse import inverse_rows, inverse_rows_numpy


def made(n: int, seed: int, most: int) -> tuple[sp.csr_matrix, ItemLists]:
    """A positive definite matrix, and for each row some of the columns before it, its own last."""
    rng = np.random.default_rng(seed)
    x = sp.random_array((3 * n, n), density=0.2, format="csr", rng=rng, dtype=np.float32)
    a = sp.csr_matrix(x.T @ x + sp.eye_array(n, dtype=np.float32))
    rows = [np.append(rng.permutation(i)[:most], i) for i in range(n)]
    return a, ItemLists(offsets(np.array([len(row) for row in rows])), np.concatenate(rows).astype(np.int32))


@pytest.mark.parametrize("rows", [inverse_rows, inverse_rows_numpy])
def test_with_every_column_before_it_is_the_inverse(rows: Any) -> None:
    n = 30
    a, allowed = made(n, 0, n)
    value = rows(a, allowed)
    own = value[allowed.offset[1:] - 1]
    k = sp.csr_array((value / np.sqrt(own)[allowed.row], allowed.item, allowed.offset), shape=(n, n))
    np.testing.assert_allclose((k.T @ k).toarray(), np.linalg.inv(a.toarray().astype(np.float64)), atol=1e-5)


@pytest.mark.parametrize("most", [0, 3, 40])
def test_each_instruction_set_is_the_twin(isa: str, most: int) -> None:
    a, allowed = made(70, 1, most)
    np.testing.assert_allclose(inverse_rows(a, allowed), inverse_rows_numpy(a, allowed), atol=1e-5)


@pytest.mark.skipif(not compiled.native, reason="the kernels were not built")
def test_threads_change_nothing() -> None:
    a, allowed = made(90, 2, 20)
    np.testing.assert_array_equal(inverse_rows(a, allowed, threads=1), inverse_rows(a, allowed, threads=3))


@pytest.mark.parametrize("rows", [inverse_rows, inverse_rows_numpy])
def test_what_is_not_positive_definite_is_refused(rows: Any) -> None:
    a, allowed = made(10, 3, 10)
    a[4, 4] = -5
    with pytest.raises(ValueError, match="row 4 is not positive definite"):
        rows(a, allowed)


@pytest.mark.skipif(not compiled.native, reason="the kernels were not built")
def test_threads_do_not_change_which_row_is_named() -> None:
    a, allowed = made(60, 3, 60)  # every row from 4 on has no inverse, and later ones are known as soon
    a.data[a.indptr[4] : a.indptr[5]] = -5
    for _ in range(300):
        with pytest.raises(ValueError, match="row 4 is not positive definite"):
            inverse_rows(a, allowed, threads=4)


def test_a_pattern_without_the_rows_own_column_is_refused() -> None:
    a, allowed = made(10, 3, 10)
    allowed.item[0] = 5
    with pytest.raises(ValueError, match="own column"):
        inverse_rows(a, allowed)


def test_nan_is_refused() -> None:
    a, allowed = made(10, 3, 10)
    a.data[3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        inverse_rows(a, allowed)
