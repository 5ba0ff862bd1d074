"""Hand-computed values, plain loops, and scikit-learn where the definitions agree."""

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from serendip.metrics import ranking

# relevant {0, 3, 9} for the first user; the last has an empty slate, the one before nothing relevant
HIT = np.array([[1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]], bool)
N_RELEVANT = np.array([3, 2, 5, 0, 1])
nan = np.nan

GOLDEN = [
    ("precision", 2, [1 / 2, 0, 1 / 2, nan, 0]),
    ("precision", 4, [2 / 4, 0, 3 / 4, nan, 0]),
    ("recall", 1, [1 / 3, 0, 0, nan, 0]),
    ("recall", 4, [2 / 3, 0, 3 / 5, nan, 0]),
    ("hr", 1, [1, 0, 0, nan, 0]),
    ("hr", 2, [1, 0, 1, nan, 0]),
    ("mrr", 1, [1, 0, 0, nan, 0]),
    ("mrr", 4, [1, 0, 1 / 2, nan, 0]),
    ("map", 2, [1 / 2, 0, (1 / 2) / 2, nan, 0]),  # over min(k, |relevant|)
    ("map", 4, [(1 + 2 / 4) / 3, 0, (1 / 2 + 2 / 3 + 3 / 4) / 4, nan, 0]),
    ("ndcg", 1, [1, 0, 0, nan, 0]),
    ("ndcg", 2, [1 / (1 + 1 / log2(3)), 0, 1 / log2(3) / (1 + 1 / log2(3)), nan, 0]),
    (
        "ndcg",
        4,
        [
            (1 + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / 2),
            0,
            (1 / log2(3) + 1 / 2 + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / 2 + 1 / log2(5)),
            nan,
            0,
        ],
    ),
]


@pytest.mark.parametrize(("name", "k", "expected"), GOLDEN)
def test_golden(name: str, k: int, expected: list[float]) -> None:
    value = ranking.FUNCTIONS[name](HIT, N_RELEVANT, k)
    assert value.dtype == np.float64
    np.testing.assert_allclose(value, expected, rtol=1e-14)


def by_hand(name: str, slate: list[int], relevant: set[int], k: int) -> float:
    """One user, loops, straight from the formulas of docs/metrics.md."""
    if not relevant:
        return nan
    top = slate[:k]
    rel = [i in relevant for i in top]
    if name == "precision":
        return sum(rel) / k
    if name == "recall":
        return sum(rel) / len(relevant)
    if name == "hr":
        return float(any(rel))
    if name == "mrr":
        return next((1 / p for p, r in enumerate(rel, 1) if r), 0.0)
    if name == "map":
        return sum(sum(rel[:p]) / p for p in range(1, len(rel) + 1) if rel[p - 1]) / min(k, len(relevant))
    ideal = sum(1 / log2(p + 1) for p in range(1, min(k, len(relevant)) + 1))
    return sum(1 / log2(p + 1) for p, r in enumerate(rel, 1) if r) / ideal


users = st.lists(
    st.tuples(st.lists(st.integers(0, 12), unique=True, max_size=6), st.sets(st.integers(0, 12), max_size=8)),
    min_size=1,
    max_size=5,
)


@given(users, st.integers(1, 6))
def test_equals_a_loop_over_users(users: list[tuple[list[int], set[int]]], k: int) -> None:
    item = np.array([slate + [-1] * (6 - len(slate)) for slate, _ in users], np.int32)
    indptr = np.concatenate([[0], np.cumsum([len(r) for _, r in users])])
    indices = np.array([i for _, r in users for i in sorted(r, key=lambda i: -i)], np.int32)
    hit = ranking.hits(item, indptr, indices)
    n_relevant = np.diff(indptr)
    for name, function in ranking.FUNCTIONS.items():
        expected = [by_hand(name, slate, relevant, k) for slate, relevant in users]
        np.testing.assert_allclose(function(hit, n_relevant, k), expected, rtol=1e-12)


def test_hits_take_a_slice_of_a_larger_table() -> None:
    indptr, indices = np.array([0, 2, 2, 5]), np.array([7, 1, 4, 0, 2])
    item = np.array([[1, 2, 7], [0, 2, -1], [2, -1, 0]], np.int32)
    whole = ranking.hits(item, indptr, indices)
    assert whole.tolist() == [[True, False, True], [False, False, False], [True, False, True]]
    np.testing.assert_array_equal(ranking.hits(item[1:], indptr[1:], indices), whole[1:])


def test_padding_never_hits_the_last_item_of_the_row_above() -> None:
    assert not ranking.hits(np.array([[0], [-1]], np.int32), np.array([0, 1, 1]), np.array([5])).any()


def test_ndcg_equals_scikit_learn() -> None:
    random = np.random.default_rng(1)
    score = random.permuted(np.tile(np.arange(30.0), (20, 1)), axis=1)
    relevant = random.random((20, 30)) < 0.2
    relevant[:, 0] = True
    order = np.argsort(-score, axis=1)
    hit = np.take_along_axis(relevant, order, axis=1)
    for k in (1, 5, 30):
        ours = ranking.ndcg(hit, relevant.sum(axis=1), k).mean()
        assert ours == pytest.approx(ndcg_score(relevant, score, k=k, ignore_ties=True))


@pytest.mark.parametrize("k", [0, 5])
def test_a_cutoff_beyond_the_slate_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match="between 1 and the 4 positions"):
        ranking.recall(HIT, N_RELEVANT, k)
