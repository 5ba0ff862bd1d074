"""The kernel against its NumPy twin, and the twin against the definitions written out pair by pair."""

import math
from typing import Any, get_args

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from serendip.arrays import rows_of
from serendip.errors import UserError
from serendip.kernels import compiled
from serendip.kernels.knn import Similarity, neighbours, neighbours_numpy

SIMILARITIES = get_args(Similarity)
EVERY_KIND = [(s, overlap) for s in SIMILARITIES for overlap in (False, True)]


def matrix(n: int, m: int, density: float, seed: int, lowest: int = 1) -> sp.csr_matrix:
    """Integer values, so that the sums of both sides are exact and ties are ties; about one row in eight is empty."""
    rng = np.random.default_rng(seed)
    stored = (rng.random((n, m)) < density) & (rng.random((n, 1)) > 0.125)
    return sp.csr_matrix(np.where(stored, rng.integers(lowest, 6, (n, m)), 0).astype(np.float32))


def arguments(a: sp.csr_matrix, seed: int = 0, **settings: Any) -> dict[str, Any]:
    return {"rows": a, "tie": np.random.default_rng(seed).permutation(a.shape[0]).astype(np.int32), **settings}


def by_definition(
    x: np.ndarray, y: np.ndarray, x_in: np.ndarray, y_in: np.ndarray, similarity: str, overlap: bool, shrinkage: float
) -> float:
    """Two rows, dense, with what is stored in them."""
    both = x_in & y_in
    c = int(both.sum())
    factor = c / (c + shrinkage)
    if overlap:
        u, v, s = x[both], y[both], 0.0
    else:
        factor, u, v, s = (factor if similarity == "dot" else 1.0), x, y, shrinkage
    if similarity == "pearson":
        u, v = (
            (u - u.mean(), v - v.mean())
            if overlap
            else (np.where(x_in, x - x[x_in].mean(), 0), np.where(y_in, y - y[y_in].mean(), 0))
        )
    match similarity:
        case "dot":
            value = float(u @ v)
        case "euclidean":
            value = 1 / (1 + (float(np.mean((u - v) ** 2)) if overlap else float(np.linalg.norm(u - v))) + s)
        case "jaccard":
            value = c / (int((x_in | y_in).sum()) + s)
        case _:
            size = float(np.linalg.norm(u) * np.linalg.norm(v)) + s
            value = float(u @ v) / size if size > 1e-9 else 0.0
    return value * factor


@pytest.mark.parametrize(("similarity", "overlap"), EVERY_KIND)
@pytest.mark.parametrize("shrinkage", [0.0, 2.5])
@pytest.mark.parametrize("min_overlap", [1, 3])
def test_all_pairs_are_as_defined(similarity: Similarity, overlap: bool, shrinkage: float, min_overlap: int) -> None:
    a = matrix(17, 13, 0.5, seed=3, lowest=-2)
    a.eliminate_zeros()
    settings: dict[str, Any] = {
        "similarity": similarity,
        "overlap": overlap,
        "shrinkage": shrinkage,
        "min_overlap": min_overlap,
    }
    x, stored = a.toarray().astype(np.float64), a.toarray() != 0
    expected = np.zeros((17, 17))
    for i in range(17):
        for j in range(17):
            if i != j and (stored[i] & stored[j]).sum() >= min_overlap:
                expected[i, j] = by_definition(x[i], x[j], stored[i], stored[j], similarity, overlap, shrinkage)
    if not (overlap and similarity in ("pearson", "adjusted_cosine")):
        expected = np.maximum(expected, 0)
    for face in (neighbours, neighbours_numpy):
        found = face(**arguments(a, k=17, **settings)).toarray()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(
    not compiled.native, reason="the kernels are not compiled: there is nothing to compare the twin with"
)
@given(
    kind=st.sampled_from(EVERY_KIND),
    n=st.integers(1, 40),
    m=st.integers(1, 30),
    density=st.sampled_from([0.02, 0.2, 0.7]),
    k=st.integers(1, 45),
    shrinkage=st.sampled_from([0.0, 1.0, 20.0]),
    min_overlap=st.integers(1, 3),
    keep_self=st.booleans(),
    lowest=st.sampled_from([1, -3, 5]),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_kernel_equals_twin(
    kind: tuple[Similarity, bool], n: int, m: int, density: float, k: int, shrinkage: float, min_overlap: int,
    keep_self: bool, lowest: int, threads: int, seed: int,
) -> None:  # fmt: skip
    similarity, overlap = kind
    given_ = arguments(
        matrix(n, m, density, seed, lowest), seed, similarity=similarity, overlap=overlap, shrinkage=shrinkage,
        min_overlap=min_overlap, keep_self=keep_self,
    )  # fmt: skip
    found, twin = neighbours(k=k, threads=threads, **given_), neighbours_numpy(k=k, **given_)
    assert found.dtype == twin.dtype == np.float32
    np.testing.assert_array_equal(found.indptr, twin.indptr)
    every = neighbours_numpy(k=n, **given_).toarray()
    expected = every[rows_of(found), found.indices]
    np.testing.assert_allclose(found.data, expected, rtol=1e-5, atol=1e-6)  # what is kept is right ...
    for i in range(n):
        kept = slice(found.indptr[i], found.indptr[i + 1])
        assert (np.diff(found.indices[kept]) > 0).all()
        best = -np.sort(-twin.data[kept])  # ... and nothing better was left out
        np.testing.assert_allclose(-np.sort(-found.data[kept]), best, rtol=1e-5, atol=1e-6)
    if similarity in ("dot", "jaccard"):  # exact on both sides, therefore so are the ties
        np.testing.assert_array_equal(found.indices, twin.indices)


def popular(n: int, m: int, seed: int) -> sp.csr_matrix:
    """Rows from full to nearly empty, in no order: some meet all others, some but a few."""
    rng = np.random.default_rng(seed)
    share = rng.permutation(1 / (1 + np.arange(n) / 20))
    return sp.csr_matrix((rng.random((n, m)) < np.maximum(share[:, None], 2 / m)).astype(np.float32))


@pytest.mark.parametrize("weights", ["ones", "one a column", "many", "one a column but for a stored zero"])
@pytest.mark.parametrize(("similarity", "overlap"), [("cosine", False), ("dot", False), ("euclidean", True)])
def test_many_rows_of_all_lengths_equal_the_twin(weights: str, similarity: Similarity, overlap: bool) -> None:
    a, rng = popular(700, 300, seed=4), np.random.default_rng(6)
    if weights != "ones":
        a.data = rng.integers(1, 5, 300)[a.indices].astype(np.float32)
    if weights == "many":
        a.data = rng.integers(1, 5, len(a.data)).astype(np.float32)
    if weights == "one a column but for a stored zero":
        a.data[len(a.data) // 2] = 0
    given_ = arguments(a, k=12, similarity=similarity, overlap=overlap)
    found, twin = neighbours(threads=2, **given_), neighbours_numpy(**given_)
    np.testing.assert_array_equal(found.indptr, twin.indptr)
    np.testing.assert_allclose(np.sort(found.data.reshape(-1, 12)), np.sort(twin.data.reshape(-1, 12)), rtol=1e-6)
    same = (found.indices == twin.indices).mean()
    assert same > (0.99 if similarity == "cosine" else 1 - 1e-9)  # ties within rounding


@pytest.mark.parametrize(("similarity", "overlap"), EVERY_KIND)
def test_threads_agree_to_the_bit(similarity: Similarity, overlap: bool) -> None:
    a = matrix(1500, 900, 0.03, seed=1)
    a.data += np.random.default_rng(2).random(len(a.data), np.float32)
    given_ = arguments(a, k=20, similarity=similarity, overlap=overlap, shrinkage=3.0)
    one = neighbours(threads=1, **given_)
    for threads in (2, 5):
        several = neighbours(threads=threads, **given_)
        for name in ("indptr", "indices", "data"):
            np.testing.assert_array_equal(getattr(one, name), getattr(several, name))


@pytest.mark.parametrize(("similarity", "overlap"), EVERY_KIND)
def test_equal_rows_are_taken_by_tie(similarity: Similarity, overlap: bool) -> None:
    a = sp.csr_matrix(np.tile(np.array([[1, 2, 0, 5]], np.float32), (300, 1)))
    given_ = arguments(a, similarity=similarity, overlap=overlap)
    for face in (neighbours, neighbours_numpy):
        found = face(k=7, **given_)
        assert found.nnz == 300 * 7
        for i in (0, 151, 299):
            others = [j for j in np.argsort(given_["tie"]) if j != i]
            np.testing.assert_array_equal(found[i].indices, sorted(others[:7]))


def test_identical_rows_are_fully_similar() -> None:
    a = matrix(30, 20, 0.6, seed=5)
    twice = sp.csr_matrix(sp.vstack([a, a]))
    for similarity in ("cosine", "pearson", "euclidean", "jaccard", "adjusted_cosine"):
        for overlap in (False, True):
            found = neighbours(**arguments(twice, k=60, similarity=similarity, overlap=overlap)).toarray()
            spread = np.array([len(set(r[r > 0])) > 1 for r in a.toarray()])
            full = np.flatnonzero((np.diff(a.indptr) > 0) & (spread | (similarity != "pearson")))
            np.testing.assert_allclose(found[full, full + 30], 1, rtol=1e-6)


def test_orthogonal_rows_are_not_similar_by_rounding() -> None:
    a = sp.csr_matrix(np.array([[0.1, 0.2, 0.7, 0.9], [0.3, 0.9, 0.9, 0.3], [0.3, 0.3, 0.1, 0.2]], np.float32))
    a.data -= a.data.reshape(3, 4).mean(axis=1).repeat(4)
    x = a.toarray()
    x[1] -= x[0] * (x[0] @ x[1]) / (x[0] @ x[0])  # orthogonal, but for float32's rounding
    assert 0 < abs(x[0].astype(np.float64) @ x[1].astype(np.float64)) < 1e-6
    given_ = arguments(sp.csr_matrix(x), k=3, similarity="adjusted_cosine")
    for face in (neighbours, neighbours_numpy):
        for overlap in (False, True):
            assert face(**given_, overlap=overlap)[0, 1] == 0


def test_constant_rows_have_no_correlation() -> None:
    a = sp.csr_matrix(np.array([[0.1] * 7, [0.3, 0.7, 0.1, 0.9, 0.4, 0.4, 0.2], [0.7] * 7], np.float32))
    assert neighbours(**arguments(a, k=3, similarity="pearson", overlap=True)).nnz == 0


def test_negative_similarities_are_kept_for_ratings_only() -> None:
    a = sp.csr_matrix(np.array([[1, 2, 4], [4, 2, 1], [-1, -2, -4]], np.float32))
    for similarity in SIMILARITIES:
        for overlap in (False, True):
            signed = (neighbours(**arguments(a, k=3, similarity=similarity, overlap=overlap)).data < 0).any()
            assert signed == (overlap and similarity in ("pearson", "adjusted_cosine"))


def test_what_is_not_a_number_is_never_kept() -> None:
    a = matrix(20, 10, 0.6, seed=2)
    a.data[5] = np.nan
    for similarity in SIMILARITIES:
        for overlap in (False, True):
            found = neighbours(**arguments(a, k=20, similarity=similarity, overlap=overlap)).data
            assert len(found) and not np.isnan(found).any()


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (1, 1), (5, 0), (4, 3)])
def test_nothing_shared_gives_empty_rows(shape: tuple[int, int]) -> None:
    a = sp.csr_matrix(shape, dtype=np.float32)
    for face in (neighbours, neighbours_numpy):
        found = face(**arguments(a, k=3, similarity="cosine"))
        assert found.shape == (shape[0], shape[0]) and found.nnz == 0


def test_a_row_keeps_itself_when_asked() -> None:
    a = matrix(25, 20, 0.5, seed=9)
    found = neighbours(**arguments(a, k=1, similarity="cosine", keep_self=True))
    np.testing.assert_allclose(found.diagonal(), np.diff(a.indptr) > 0, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"similarity": "cosin"}, "did you mean 'cosine'"),
        ({"k": 0}, "k and min_overlap must be 1 or more"),
        ({"min_overlap": 0}, "k and min_overlap must be 1 or more"),
        ({"shrinkage": -1.0}, "shrinkage must be a number of 0 or more"),
        ({"shrinkage": math.nan}, "shrinkage must be a number of 0 or more"),
    ],
)
def test_settings_out_of_bounds_are_said(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        neighbours(**{**arguments(matrix(4, 4, 0.5, 0), k=1, similarity="cosine"), **settings})


@pytest.mark.parametrize(
    "broken",
    [
        {"indices": np.array([0, 9], np.int32)},
        {"indices": np.array([-1, 0], np.int32)},
        {"indptr": np.array([0, 2, 1], np.int64)},
        {"indptr": np.array([0, 1, 3], np.int64)},
        {"data": np.ones(3, np.float32)},
    ],
)
def test_a_broken_matrix_is_refused(broken: dict[str, Any]) -> None:
    a = sp.csr_matrix(np.array([[1, 0], [0, 1]], np.float32))
    for name, array in broken.items():
        setattr(a, name, array)
    with pytest.raises(ValueError):
        neighbours(**arguments(a, k=1, similarity="cosine"))


@pytest.mark.parametrize("tie", [[1, 1], [0, 1, 2]])
def test_a_tie_that_is_no_permutation_is_refused(tie: list[int]) -> None:
    a = sp.csr_matrix(np.array([[1, 0], [0, 1]], np.float32))
    with pytest.raises(ValueError, match="permutation"):
        neighbours(a, k=1, similarity="cosine", tie=np.array(tie, np.int32))
