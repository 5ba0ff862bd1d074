"""The best of sums of sparse rows, against SciPy's product and sorting."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from serendip.arrays import ItemLists, offsets
from serendip.kernels.topk_sparse import SparseRows, topk_sparse, topk_sparse_numpy


def lists(n_users: int, n_items: int, rng: np.random.Generator) -> ItemLists:
    """Up to 30 items a user, in no order, repeated among them."""
    offset = offsets(rng.integers(0, 30, n_users) * (n_items > 0))
    return ItemLists(offset, rng.integers(0, max(n_items, 1), offset[-1]).astype(np.int32))


def sparse(shape: tuple[int, int], density: float, rng: np.random.Generator, whole: bool) -> csr_matrix:
    values = rng.integers(-2, 3, shape) if whole else rng.normal(0, 1, shape)
    return csr_matrix((values * (rng.random(shape) < density)).astype(np.float32))


@given(
    n_users=st.sampled_from([0, 1, 7, 9, 40]),
    n_items=st.sampled_from([0, 1, 30, 300]),
    k=st.sampled_from([0, 1, 5, 400]),
    density=st.sampled_from([0.0, 0.02, 0.3]),
    whole=st.booleans(),
    given_items=st.booleans(),
    left_out=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_equals_twin_to_the_bit(
    n_users: int, n_items: int, k: int, density: float, whole: bool, given_items: bool, left_out: bool, threads: int,
    seed: int,
) -> None:  # fmt: skip
    """Small integers make ties, and sums of zero; other numbers show the order of the sums."""
    rng = np.random.default_rng(seed)
    x, w = sparse((n_users, n_items), 0.1, rng, whole), sparse((n_items, n_items), density, rng, whole)
    tie, known = rng.permutation(n_items).astype(np.int32), rng.random(n_items) < 0.9
    if w.nnz:
        w.data[rng.integers(w.nnz)] = np.nan
    candidates = lists(n_users, n_items, rng) if given_items else None
    exclude = lists(n_users, n_items, rng) if left_out else None
    rows = SparseRows.of(w)
    item, score = topk_sparse(x, rows, known, k, tie, candidates=candidates, exclude=exclude, threads=threads)
    twin = topk_sparse_numpy(SparseRows.of(x), rows, known, k, tie, candidates, exclude)
    np.testing.assert_array_equal(item, twin[0])
    np.testing.assert_array_equal(score, twin[1])
    assert item.dtype == np.int32 and score.dtype == np.float32


def test_by_hand() -> None:
    x = csr_matrix(np.array([[1, 2, 0, 0], [0, 0, 0, 0]], np.float32))
    w = csr_matrix(np.array([[0, 1, 3, -2], [4, 0, 0, 1], [9, 9, 9, 9], [0, 0, 0, 0]], np.float32))
    tie, known = np.arange(4, dtype=np.int32), np.ones(4, np.bool_)
    item, score = topk_sparse(x, SparseRows.of(w), known, 4, tie)
    assert item.tolist() == [[0, 2, 1, -1], [-1] * 4]  # 8, 3, 1; what comes to 0 is unknown
    assert score[0, :3].tolist() == [8, 3, 1] and np.isnan(score[0, 3])
    padded = ItemLists(np.array([0, 4, 5]), np.array([2, -1, 1, 2, 0], np.int32))
    out = ItemLists(np.array([0, 1, 1]), np.array([1], np.int32))
    item, _ = topk_sparse(x, SparseRows.of(w), known, 2, tie, candidates=padded, exclude=out)
    assert item.tolist() == [[2, -1], [-1, -1]]


ROWS = SparseRows.of(csr_matrix(np.ones((3, 4), np.float32)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": csr_matrix(np.zeros((2, 4), np.float32))}, "do not fit"),
        ({"tie": np.arange(3, dtype=np.int32)}, "one entry for each"),
        ({"known": np.ones(5, np.bool_)}, "one entry for each"),
        ({"k": -1}, "negative"),
        ({"exclude": ItemLists(np.array([0, 1, 1]), np.array([4], np.int32))}, r"\[0, 4\)"),
        ({"candidates": ItemLists(np.array([0, 1, 1]), np.array([4], np.int32))}, r"\[0, 4\)"),
    ],
)
def test_refuses_what_does_not_fit(changes: dict[str, Any], message: str) -> None:
    fits: dict[str, Any] = {"x": csr_matrix(np.zeros((2, 3), np.float32)), "weights": ROWS, "k": 1,
                            "known": np.ones(4, np.bool_), "tie": np.arange(4, dtype=np.int32)}  # fmt: skip
    topk_sparse(**fits)
    with pytest.raises(ValueError, match=message):
        topk_sparse(**{**fits, **changes})


def test_a_broken_matrix_is_refused() -> None:
    broken = csr_matrix(np.ones((2, 2), np.float32))
    broken.indices = np.array([0, 1, 0, 2], np.int32)
    with pytest.raises(ValueError, match=r"\[0, 2\)"):
        SparseRows.of(broken)
