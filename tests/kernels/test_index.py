"""The index answers what scoring every item answers, to the bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.arrays import ItemLists
from serendip.kernels import index
from serendip.kernels.index import Index, prepare
from serendip.kernels.topk import topk_dot


@pytest.fixture(autouse=True, scope="module")
def threads_take_part_in_small_sets():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "APART", 0)
        yield


def same(made: Index, q: np.ndarray, k: int, threads: int, exclude: ItemLists | None = None) -> None:
    item, score = made.top(q, k, exclude=exclude, threads=threads)
    expected, its_score = topk_dot(q, made.y, made.bias, k, made.tie, exclude=exclude)
    np.testing.assert_array_equal(item, expected)
    np.testing.assert_array_equal(score, its_score)


@given(
    n=st.one_of(st.integers(0, 80), st.sampled_from([255, 256, 257, 1500])),
    rank=st.integers(0, 37),
    k=st.sampled_from([0, 1, 3, 10, 100]),
    spread=st.sampled_from([0.0, 1.0, 20.0]),
    biased=st.booleans(),
    alike=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_index_equals_scoring_everything(
    isa: str, n: int, rank: int, k: int, spread: float, biased: bool, alike: bool, threads: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    y = rng.standard_normal((n, rank)) * np.exp(spread * rng.standard_normal((n, 1)))
    if alike and n:
        y[: n // 2] = y[0]  # ties in plenty
    bias = None
    if biased:
        bias = rng.standard_normal(n).astype(np.float32)
        bias[rng.random(n) < 0.2] = -np.inf
    made = prepare(y.astype(np.float32), bias, rng.permutation(n).astype(np.int32))
    q = rng.standard_normal((4, rank)).astype(np.float32)
    q[3] = 0
    same(made, q, k, threads)
    if n:
        out = rng.integers(0, n, 40).astype(np.int32)
        same(made, q, k, threads, exclude=ItemLists(np.array([0, 10, 10, 30, 40]), out))


def test_queries_along_the_items_themselves(isa: str) -> None:
    rng = np.random.default_rng(0)
    y = rng.standard_normal((5000, 16)).astype(np.float32)
    made = prepare(y, None, rng.permutation(5000).astype(np.int32))
    same(made, y[:9], 10, 2)
    same(made, -y[:9] * 1e-20, 10, 2)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e30])
def test_numbers_that_are_none_or_too_large(isa: str, wrong: float) -> None:
    rng = np.random.default_rng(0)
    y = rng.standard_normal((600, 8)).astype(np.float32)
    q = rng.standard_normal((3, 8)).astype(np.float32)
    tie = rng.permutation(600).astype(np.int32)
    spoilt = y.copy()
    spoilt[7, 2] = wrong
    same(prepare(spoilt, None, tie), q, 10, 2)
    spoilt_q = q.copy()
    spoilt_q[1, 3] = wrong
    same(prepare(y, None, tie), spoilt_q, 10, 2)
    bias = np.zeros(600, np.float32)
    bias[5] = wrong
    same(prepare(y, bias, tie), q, 10, 2)


def test_many_queries_are_scored_plainly() -> None:
    rng = np.random.default_rng(0)
    made = prepare(rng.standard_normal((100, 8)).astype(np.float32), None, np.arange(100, dtype=np.int32))
    same(made, rng.standard_normal((index.MANY + 3, 8)).astype(np.float32), 5, 2)


def test_arrays_that_do_not_fit_are_refused() -> None:
    y, tie = np.ones((4, 2), np.float32), np.arange(4, dtype=np.int32)
    with pytest.raises(ValueError, match="as long as it"):
        prepare(y, None, tie[:3])
    with pytest.raises(ValueError, match="one entry for each"):
        prepare(y, np.zeros(3, np.float32), tie)
    with pytest.raises(ValueError, match="columns of y"):
        prepare(y, None, tie).top(np.ones((1, 3), np.float32), 1)
    with pytest.raises(ValueError, match="must not be negative"):
        prepare(y, None, tie).top(np.ones((1, 2), np.float32), -1)
    with pytest.raises(ValueError, match="lie in"):
        prepare(y, None, tie).top(np.ones((1, 2), np.float32), 1, exclude=ItemLists.table(np.array([[9]], np.int32)))
