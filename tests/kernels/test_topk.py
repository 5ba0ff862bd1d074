"""Exact top-k against sorting all scores, with every instruction set."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.arrays import F32, I32, ItemLists, offsets
from serendip.kernels.topk import topk_dense, topk_dense_numpy, topk_dot, topk_dot_numpy

USERS = st.sampled_from([0, 1, 2, 7, 9, 127, 128, 150])  # few users and many users take different ways
ITEMS = st.sampled_from([0, 1, 15, 31, 33, 255, 256, 257, 600])


@pytest.fixture(scope="module")
def isa(isa_with_bytes: str) -> str:
    return isa_with_bytes


def excluded(n_users: int, n_items: int, rng: np.random.Generator) -> ItemLists:
    """Up to 40 items a user, in no order, repeated among them."""
    offset = offsets(rng.integers(0, 40, n_users) * (n_items > 0))
    return ItemLists(offset, rng.integers(0, max(n_items, 1), offset[-1]).astype(np.int32))


def assert_same(a: tuple[I32, F32], b: tuple[I32, F32]) -> None:
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(a[1], b[1])
    assert a[0].dtype == b[0].dtype == np.int32
    assert a[1].dtype == b[1].dtype == np.float32


@given(
    n_users=USERS,
    n_items=ITEMS,
    rank=st.integers(0, 20),
    k=st.sampled_from([0, 1, 3, 20, 700]),
    biased=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_dot_equals_twin(
    isa: str, n_users: int, n_items: int, rank: int, k: int, biased: bool, threads: int, seed: int
) -> None:
    """Small integers: the sums are exact on both sides and full of ties; norms differ, so that blocks are skipped."""
    rng = np.random.default_rng(seed)
    q = rng.integers(-2, 3, (n_users, rank)).astype(np.float32)
    y = (rng.integers(-2, 3, (n_items, rank)) * rng.integers(0, 9, (n_items, 1))).astype(np.float32)
    bias = rng.integers(-30, 30, n_items).astype(np.float32) if biased else None
    tie = rng.permutation(n_items).astype(np.int32)
    out = excluded(n_users, n_items, rng)
    found = topk_dot(q, y, bias, k, tie, exclude=out, threads=threads)
    assert_same(found, topk_dot_numpy(q, y, bias, k, tie, out))


def floats(n_users: int, n_items: int, rank: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    y = rng.normal(0, 1, (n_items, rank)) * rng.exponential(1, (n_items, 1))
    return {
        "q": rng.normal(0, 1, (n_users, rank)).astype(np.float32),
        "y": y.astype(np.float32),
        "bias": rng.normal(0, 1, n_items).astype(np.float32),
        "tie": rng.permutation(n_items).astype(np.int32),
    }


def all_scores(a: dict[str, Any]) -> F32:
    """(users, items) as the kernel scores them."""
    item, score = topk_dot(k=len(a["y"]), **a)
    scores = np.empty_like(score)
    np.put_along_axis(scores, item.astype(np.int64), score, axis=1)
    return scores


@pytest.mark.parametrize("n_users", [5, 140])
@pytest.mark.parametrize("rank", [3, 64])
@pytest.mark.parametrize("biased", [False, True])
def test_skipping_blocks_changes_nothing(isa: str, n_users: int, rank: int, biased: bool) -> None:
    a = floats(n_users, 3000, rank)
    if not biased:
        a["bias"] = None
    scores = all_scores(a)
    np.testing.assert_allclose(scores, a["q"] @ a["y"].T + (a["bias"] if biased else 0), rtol=1e-4, atol=1e-4)
    assert_same(topk_dot(k=10, **a), topk_dense_numpy(scores, 10, a["tie"]))


@settings(max_examples=25)
@given(
    rank=st.sampled_from([1, 2, 5, 16, 31, 67]),
    k=st.sampled_from([1, 10]),
    spread=st.sampled_from([0.0, 1.0, 12.0]),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_rounding_to_bytes_loses_nothing(isa: str, rank: int, k: int, spread: float, threads: int, seed: int) -> None:
    """Vectors of all lengths, with single large entries, zeros and repetitions: no bound is to be too narrow."""
    rng = np.random.default_rng(seed)
    n_users, n_items = 130, 700
    q, y = (rng.normal(0, 1, (n, rank)) * np.exp(spread * rng.normal(0, 1, (n, 1))) for n in (n_users, n_items))
    y[rng.random(y.shape) < 0.01] *= 50
    q[5], y[:3], y[-50:] = 0, 0, y[100]
    tie = rng.permutation(n_items).astype(np.int32)
    a: dict[str, Any] = {"q": q.astype(np.float32), "y": y.astype(np.float32), "bias": None, "tie": tie}
    out = excluded(n_users, n_items, rng)
    found = topk_dot(k=k, exclude=out, threads=threads, **a)
    assert_same(found, topk_dense_numpy(all_scores(a), k, tie, None, out))


def test_an_answer_depends_neither_on_the_other_users_nor_on_threads(isa: str) -> None:
    a = floats(150, 1000, 17)
    together = topk_dot(k=15, threads=1, **a)
    assert_same(together, topk_dot(k=15, threads=3, **a))
    for u in (0, 77, 149):
        alone = topk_dot(k=15, threads=2, **{**a, "q": a["q"][u : u + 1]})
        assert_same(alone, (together[0][u : u + 1], together[1][u : u + 1]))


@pytest.mark.parametrize("n_users", [3, 130])
@pytest.mark.parametrize("k", [5, 30])
def test_equal_vectors_score_equal_and_go_by_tie(isa: str, n_users: int, k: int) -> None:
    a = floats(n_users, 1, 50)
    y = np.repeat(a["y"], 900, axis=0)
    tie = np.random.default_rng(1).permutation(900).astype(np.int32)
    item, score = topk_dot(a["q"], y, None, k, tie)
    np.testing.assert_array_equal(tie[item], np.tile(np.arange(k), (n_users, 1)))
    assert (score == score[:, :1]).all()


@pytest.mark.parametrize("n_users", [3, 130])
def test_nan_is_never_selected(isa: str, n_users: int) -> None:
    a = floats(n_users, 700, 6)
    a["y"][5], a["bias"][9], a["q"][1] = np.nan, np.nan, np.nan
    item, score = topk_dot(k=700, **a)
    assert (item[1] == -1).all() and np.isnan(score[1]).all()
    for u in (0, 2):
        assert set(range(700)) - set(item[u, :698].tolist()) == {5, 9}
        assert (item[u, 698:] == -1).all() and np.isnan(score[u, 698:]).all()


@pytest.mark.parametrize("n_users", [2, 130])
def test_infinite_scores_are_ordered_too(isa: str, n_users: int) -> None:
    q, y = np.ones((n_users, 1), np.float32), np.zeros((600, 1), np.float32)
    y[[7, 300, 599], 0] = np.inf, -np.inf, 3e38
    item, _ = topk_dot(q, y, None, 600, np.arange(600, dtype=np.int32))
    assert (item[:, :2] == [7, 599]).all() and (item[:, -1] == 300).all()


@given(
    n_users=st.integers(0, 20),
    m=st.sampled_from([0, 1, 40, 200]),
    k=st.sampled_from([0, 1, 7, 300]),
    given_items=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_dense_equals_twin(isa: str, n_users: int, m: int, k: int, given_items: bool, threads: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_items = 2 * m if given_items else m
    scores = rng.integers(-3, 4, (n_users, m)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.1] = np.nan
    scores[rng.random(scores.shape) < 0.05] = -np.inf
    tie = rng.permutation(n_items).astype(np.int32)
    item = None
    if given_items:
        item = np.array([rng.permutation(n_items)[:m] for _ in range(n_users)], np.int32).reshape(n_users, m)
        item[rng.random(item.shape) < 0.2] = -1
    out = excluded(n_users, n_items, rng)
    found = topk_dense(scores, k, tie, item=item, exclude=out, threads=threads)
    assert_same(found, topk_dense_numpy(scores, k, tie, item, out))


def test_dense_by_hand() -> None:
    scores = np.array([[1, 3, np.nan, 3, 2]], np.float32)
    out = ItemLists.table(np.array([[4]], np.int32))
    item, score = topk_dense(scores, 4, np.array([0, 2, 3, 1, 4], np.int32), exclude=out)
    assert item.tolist() == [[3, 1, 0, -1]]
    assert score[0, :3].tolist() == [3, 3, 1] and np.isnan(score[0, 3])


TIE = np.arange(3, dtype=np.int32)
ONES = np.ones((2, 3), np.float32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"q": np.ones((2, 4), np.float32)}, "equal rank"),
        ({"bias": np.ones(2, np.float32)}, "bias"),
        ({"tie": TIE[:2]}, "tie"),
        ({"k": -1}, "negative"),
        ({"exclude": ItemLists(np.array([0, 1, 1]), np.array([3], np.int32))}, r"\[0, 3\)"),
        ({"exclude": ItemLists.table(TIE[:, None])}, "the 2 rows"),
    ],
)
def test_dot_refuses_what_does_not_fit(changes: dict[str, Any], message: str) -> None:
    fits: dict[str, Any] = {"q": ONES, "y": np.ones((3, 3), np.float32), "bias": None, "k": 1, "tie": TIE}
    with pytest.raises(ValueError, match=message):
        topk_dot(**{**fits, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": np.ones(3, np.float32)}, "matrix"),
        ({"tie": TIE[:2]}, "more columns"),
        ({"item": np.zeros((2, 2), np.int32)}, "shape"),
        ({"item": np.full((2, 3), 3, np.int32)}, r"\[-1, 3\)"),
        ({"item": np.full((2, 3), -2, np.int32)}, r"\[-1, 3\)"),
    ],
)
def test_dense_refuses_what_does_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        topk_dense(**{"scores": ONES, "k": 1, "tie": TIE, **changes})
