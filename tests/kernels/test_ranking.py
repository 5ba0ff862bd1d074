"""All metrics in one pass against the twin and against the formulas of metrics/ranking.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.kernels.ranking import KINDS, rank_metrics, rank_metrics_numpy
from serendip.metrics import ranking


def made(users: int, k: int, longest: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    item = rng.permuted(np.tile(np.arange(-1, k + 60), (users, 1)), axis=1)[:, :k].astype(np.int32)
    count = rng.integers(0, longest + 1, users)
    indices = [rng.choice(k + 90, c, replace=False) for c in count]
    flat = np.concatenate([*indices, np.empty(0)]).astype(np.int32)
    return item, np.r_[0, np.cumsum(count)], flat, count


@given(
    users=st.integers(0, 30),
    k=st.integers(1, 40),
    longest=st.sampled_from([0, 1, 10, 48, 49, 90]),
    threads=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_kernel_equals_twin(users: int, k: int, longest: int, threads: int, seed: int) -> None:
    given_lists = made(users, k, longest, seed)
    wanted = [(kind, at) for kind in KINDS for at in {1, (k + 1) // 2, k}]
    hit, value = rank_metrics(*given_lists, wanted, threads=threads)
    twin_hit, twin_value = rank_metrics_numpy(*given_lists, wanted)
    np.testing.assert_array_equal(hit, twin_hit)
    np.testing.assert_allclose(value, twin_value, rtol=1e-12)


def test_one_pass_is_what_the_functions_say_one_by_one() -> None:
    item, indptr, indices, count = made(200, 20, 30, 4)
    wanted = [(kind, at) for kind in KINDS for at in (1, 10, 20)]
    hit, value = rank_metrics(item, indptr, indices, count, wanted)
    for (kind, at), row in zip(wanted, value, strict=True):
        np.testing.assert_allclose(row, ranking.FUNCTIONS[kind](hit, count, at), rtol=1e-12)


def test_by_hand() -> None:
    item = np.array([[5, 3, -1], [1, 2, 3], [7, 7, 7]], np.int32)
    wanted = [("precision", 3), ("recall", 3), ("hr", 1), ("map", 3), ("mrr", 3), ("ndcg", 2)]
    hit, value = rank_metrics(item, np.array([0, 2, 3, 3]), np.array([3, 9, 1], np.int32), np.array([2, 4, 0]), wanted)
    np.testing.assert_array_equal(hit, [[False, True, False], [True, False, False], [False] * 3])
    first = [1 / 3, 1 / 2, 0, 1 / 4, 1 / 2, (1 / np.log2(3)) / (1 + 1 / np.log2(3))]
    second = [1 / 3, 1 / 4, 1, 1 / 3, 1, 1 / (1 + 1 / np.log2(3))]
    np.testing.assert_allclose(value[:, 0], first)
    np.testing.assert_allclose(value[:, 1], second)
    assert np.isnan(value[:, 2]).all()


def test_the_padding_of_a_slate_is_never_a_hit() -> None:
    hit, _ = rank_metrics(np.array([[-1]], np.int32), np.array([0, 1]), np.array([0], np.int32), np.array([1]), [])
    assert not hit.any()


@pytest.mark.parametrize("wanted", [[("ndgc", 1)], [("ndcg", 0)], [("ndcg", 4)]])
def test_metrics_that_cannot_be_are_refused(wanted: list[tuple[str, int]]) -> None:
    with pytest.raises(ValueError, match="ranks go from 1 to 3"):
        rank_metrics(np.zeros((1, 3), np.int32), np.array([0, 0]), np.empty(0, np.int32), np.array([1]), wanted)


def test_lists_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="one more entry"):
        rank_metrics(np.zeros((2, 3), np.int32), np.array([0, 0]), np.empty(0, np.int32), np.array([1, 1]), [])
    with pytest.raises(ValueError, match="as long as it"):
        rank_metrics(np.zeros((2, 3), np.int32), np.array([0, 0, 0]), np.empty(0, np.int32), np.array([1]), [])
