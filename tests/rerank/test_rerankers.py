"""Re-rankers against their papers' equations, written out the slow way."""

import numpy as np
import pytest

from serendip.checks.reranking import candidates
from serendip.errors import UserError
from serendip.rerank.calibration import ALPHA, Calibration
from serendip.rerank.candidates import Candidates, configured
from serendip.rerank.dpp import DPP, JITTER
from serendip.rerank.exploration import Exploration
from serendip.rerank.mmr import MMR


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_mmr_is_its_equation(share, seed):
    given = candidates(25, seed)
    rel, v = given.relevance, given.vectors
    picked = []
    while len(picked) < 8:

        def worth(i, picked=picked):
            return share * rel[i] - (1 - share) * max((v[i] @ v[j] for j in picked), default=0.0)

        picked.append(max((i for i in range(25) if i not in picked), key=worth))
    assert MMR(share).rerank(given, 8).index.tolist() == picked


def test_mmr_of_relevance_alone_leaves_the_order():
    assert MMR(1.0).rerank(candidates(30), 10).index.tolist() == list(range(10))


@pytest.mark.parametrize("theta", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(4))
def test_dpp_picks_what_raises_the_determinant_most(theta, seed):
    given = candidates(14, seed)
    known = np.where(given.vectors.any(1, keepdims=True), given.vectors, np.eye(6, dtype=np.float32)[0])
    given = Candidates(given.score, known, given.classes, given.taste)
    alpha = theta / (2 * (1 - theta))
    q = np.exp(alpha * given.relevance.astype(float))
    v = given.vectors.astype(float)
    s = (1 - JITTER) * v @ v.T
    np.fill_diagonal(s, 1)
    kernel = q[:, None] * s * q
    picked = []
    while len(picked) < 6:
        left = [i for i in range(14) if i not in picked]
        value = {i: np.linalg.slogdet(kernel[np.ix_([*picked, i], [*picked, i])])[1] for i in left}
        picked.append(max(left, key=value.get))
    assert DPP(theta).rerank(given, 6).index.tolist() == picked


@pytest.mark.parametrize("weight", [0.2, 0.8])
@pytest.mark.parametrize("seed", range(4))
def test_calibration_is_its_equation(weight, seed):
    given = candidates(20, seed)
    p = given.taste.astype(float) / given.taste.sum()
    picked = []

    def value(items):
        told = given.classes[items].astype(float)
        told = told[told.sum(axis=1) > 0]
        q = told.mean(axis=0) if len(told) else np.zeros_like(p)
        mixed = (1 - ALPHA) * q + ALPHA * p
        return (1 - weight) * given.relevance[items].sum() - weight * (p * np.log(p / mixed)).sum()

    while len(picked) < 7:
        picked.append(max((i for i in range(20) if i not in picked), key=lambda i: value([*picked, i])))
    assert Calibration(weight).rerank(given, 7).index.tolist() == picked


def test_calibration_brings_the_proportions_of_the_history():
    classes = np.zeros((60, 2), np.float32)
    classes[:40, 0] = 1  # the best forty are all of one class
    classes[40:, 1] = 1
    given = Candidates(np.linspace(1, 0, 60, dtype=np.float32), classes, classes, np.array([0.7, 0.3], np.float32))
    shown = classes[Calibration(0.99).rerank(given, 10).index]
    assert shown.sum(axis=0).tolist() == [7, 3]


def test_propensities_are_how_often_chance_shows_what_it_shows():
    epsilon, slots, m, k, rounds = 0.4, 2, 9, 5, 6000
    at = np.zeros((k, m))
    claimed: dict[tuple[int, int], float] = {}
    for seed in range(rounds):
        given = Candidates(np.linspace(1, 0, m, dtype=np.float32), np.zeros((m, 0), np.float32),
                           np.zeros((m, 0), np.float32), np.zeros(0, np.float32), seed)  # fmt: skip
        order = Exploration(epsilon, slots).rerank(given, k)
        at[np.arange(k), order.index] += 1 / rounds
        for position, (item, p) in enumerate(zip(order.index.tolist(), order.propensity.tolist(), strict=True)):
            assert claimed.setdefault((position, item), p) == p  # the same place and item, the same propensity
    for (position, item), p in claimed.items():
        assert abs(at[position, item] - p) < 4 * np.sqrt(p * (1 - p) / rounds) + 1e-9
    for position in range(k):  # everything that may stand there was seen there
        assert abs(sum(p for (at_, _), p in claimed.items() if at_ == position) - 1) < 1e-6


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (MMR, {"relevance": "1.5"}, "mmr: relevance lies from 0 to 1, and 1.5 does not"),
        (MMR, {"relevance": "nan"}, "relevance lies from 0 to 1"),
        (MMR, {"relevanc": "1"}, "did you mean 'relevance'"),
        (MMR, {"relevance": "x"}, "is a number, not 'x'"),
        (DPP, {"relevance": "1"}, "below 1"),
        (Exploration, {"slots": "1.5"}, "is a whole number"),
        (Calibration, {"weight": "-1"}, "lies from 0 to 1"),
    ],
)
def test_settings_that_cannot_be_are_told(kind, given, said):
    with pytest.raises(UserError, match=said):
        configured(kind, "mmr", given)


def test_settings_are_read_from_text():
    assert configured(Exploration, "explore", {"epsilon": "0.2", "slots": "4"}) == Exploration(0.2, 4)
