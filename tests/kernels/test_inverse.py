"""The kernel against its NumPy twin; with every column allowed it is the inverse itself."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from serendip.kernels import compiled
from serendip.kernels.inverse import inverse_rows, inverse_rows_numpy


def made(n: int, seed: int, most: int) -> dict[str, Any]:
    """A positive definite matrix, and for each row some of the columns before it, its own last."""
    rng = np.random.default_rng(seed)
    x = sp.random_array((3 * n, n), density=0.2, format="csr", rng=rng, dtype=np.float32)
    a = sp.csr_array(x.T @ x + sp.eye_array(n, dtype=np.float32))
    rows = [np.append(rng.permutation(i)[:most], i) for i in range(n)]
    return {
        "indptr": a.indptr.astype(np.int64), "indices": a.indices.astype(np.int32), "data": a.data,
        "pattern": np.cumsum([0, *map(len, rows)]), "columns": np.concatenate(rows).astype(np.int32),
    }  # fmt: skip


def dense(p: dict[str, Any]) -> np.ndarray:
    n = len(p["indptr"]) - 1
    return sp.csr_array((p["data"], p["indices"], p["indptr"]), shape=(n, n)).toarray().astype(np.float64)


@pytest.mark.parametrize("rows", [inverse_rows, inverse_rows_numpy])
def test_with_every_column_before_it_is_the_inverse(rows: Any) -> None:
    n = 30
    p = made(n, 0, n)
    value = rows(**p)
    own = value[p["pattern"][1:] - 1]
    k = sp.csr_array((value / np.sqrt(np.repeat(own, np.diff(p["pattern"]))), p["columns"], p["pattern"]), shape=(n, n))
    np.testing.assert_allclose((k.T @ k).toarray(), np.linalg.inv(dense(p)), atol=1e-5)


@pytest.mark.parametrize("most", [0, 3, 40])
def test_each_instruction_set_is_the_twin(isa: str, most: int) -> None:
    p = made(70, 1, most)
    np.testing.assert_allclose(inverse_rows(**p), inverse_rows_numpy(**p), atol=1e-5)


@pytest.mark.skipif(not compiled.native, reason="the kernels were not built")
def test_threads_change_nothing() -> None:
    p = made(90, 2, 20)
    np.testing.assert_array_equal(inverse_rows(**p, threads=1), inverse_rows(**p, threads=3))


@pytest.mark.parametrize("rows", [inverse_rows, inverse_rows_numpy])
def test_what_is_not_positive_definite_is_refused(rows: Any) -> None:
    p = made(10, 3, 10)
    diagonal = np.flatnonzero(p["indices"] == np.repeat(np.arange(10), np.diff(p["indptr"])))
    p["data"][diagonal[4]] = -5
    with pytest.raises(ValueError, match="row 4 is not positive definite"):
        rows(**p)


@pytest.mark.skipif(not compiled.native, reason="the kernels were not built")
def test_threads_do_not_change_which_row_is_named() -> None:
    p = made(60, 3, 60)  # every row from 4 on has no inverse, and later ones are known as soon
    p["data"][p["indptr"][4] : p["indptr"][5]] = -5
    for _ in range(300):
        with pytest.raises(ValueError, match="row 4 is not positive definite"):
            inverse_rows(**p, threads=4)


def test_a_pattern_without_the_rows_own_column_is_refused() -> None:
    p = made(10, 3, 10)
    p["columns"][0] = 5
    with pytest.raises(ValueError, match="own column"):
        inverse_rows(**p)


def test_nan_is_refused() -> None:
    p = made(10, 3, 10)
    p["data"][3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        inverse_rows(**p)
