"""The expectation over random order among ties, against every order there is."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.metrics import ranking, ties


def over_all_orders(name: str, score: list[float], relevant: list[bool], k: int) -> float:
    """The mean of the plain metric over every order that the scores allow."""
    m = len(score)
    values = []
    for order in permutations(range(m)):
        if all(score[a] >= score[b] for a, b in pairwise(order)):
            hit = np.array([[relevant[i] for i in order] + [False] * k])
            values.append(ranking.FUNCTIONS[name](hit, np.array([sum(relevant)]), k)[0])
    return float(np.mean(values))


candidates = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(candidates, st.integers(1, 8))
def test_equals_the_mean_over_all_orders(candidates: list[tuple[int, bool]], k: int) -> None:
    score, relevant = [float(s) for s, _ in candidates], [r for _, r in candidates]
    position = ties.tied(np.array([score], np.float32), np.array([relevant]), k)
    for name, function in ties.FUNCTIONS.items():
        value = function(position, np.array([sum(relevant)]), k)[0]
        assert value == pytest.approx(over_all_orders(name, score, relevant, k), nan_ok=True), name


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_without_ties_equals_the_slate(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    score = random.permuted(np.tile(np.arange(12.0), (5, 1)), axis=1).astype(np.float32)
    relevant = random.random((5, 12)) < 0.3
    hit = np.take_along_axis(relevant, np.argsort(-score, axis=1), axis=1)
    position = ties.tied(score, relevant, 12)
    for name, function in ties.FUNCTIONS.items():
        plain = ranking.FUNCTIONS[name](hit, relevant.sum(axis=1), k)
        np.testing.assert_allclose(function(position, relevant.sum(axis=1), k), plain, rtol=1e-12, err_msg=name)


def test_one_relevant_among_a_hundred_at_a_constant_score_is_chance() -> None:
    relevant = np.zeros((1, 100), bool)
    relevant[0, 0] = True
    one = np.array([1])
    position = ties.tied(np.zeros((1, 100), np.float32), relevant, 10)
    assert ties.hit_rate(position, one, 10)[0] == pytest.approx(0.1)
    assert ties.ndcg(position, one, 10)[0] == pytest.approx((1 / np.log2(np.arange(2, 12))).sum() / 100)
    assert ties.reciprocal_rank(position, one, 10)[0] == pytest.approx((1 / np.arange(1, 11)).sum() / 100)


def test_two_that_tie_share_the_first_place() -> None:
    position = ties.tied(np.array([[2, 2, 1]], np.float32), np.array([[True, False, False]]), 1)
    assert ties.hit_rate(position, np.array([1]), 1)[0] == 0.5


def test_unknown_scores_rank_last_and_tie() -> None:
    score = np.array([[np.nan, -5, np.nan]], np.float32)
    position = ties.tied(score, np.array([[True, False, False]]), 3)
    assert position.hit.tolist() == [[0, 0.5, 0.5]]


def test_padding_takes_no_place_and_never_ties_with_unknown() -> None:
    score = np.array([[1, np.nan, np.nan, 3]], np.float32)
    relevant = np.array([[False, True, True, True]])
    position = ties.tied(score, relevant, 4, valid=np.array([[True, True, False, False]]))
    assert position.hit.tolist() == [[0, 1, 0, 0]]
    assert ties.recall(position, np.array([2]), 4)[0] == 0.5  # one of two relevant items was no candidate
