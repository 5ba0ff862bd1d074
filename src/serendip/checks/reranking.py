"""The contract of re-rankers: what every one of them promises, whatever it is after.

>>> from serendip.checks.reranking import CHECKS
>>> from serendip.rerank.mmr import MMR
>>> for check in CHECKS:
...     check(MMR(relevance=0.5))
"""

from collections.abc import Callable

import numpy as np

from serendip.rerank.candidates import Candidates, Order, Reranker

Check = Callable[[Reranker], None]


def candidates(m: int, seed: int = 0, d: int = 6) -> Candidates:
    """Return m candidates at random: classes are the vectors' squares, so that both tell of the same."""
    generator = np.random.default_rng(seed)
    score = np.sort(generator.normal(size=m).astype(np.float32))[::-1].copy()
    vectors = generator.random((m, d)).astype(np.float32) * (generator.random((m, d)) < 0.5)
    length = np.sqrt(np.square(vectors).sum(axis=1, keepdims=True))
    vectors = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0).astype(np.float32)
    taste = generator.dirichlet(np.ones(d)).astype(np.float32)
    return Candidates(score, vectors, np.square(vectors), taste, seed)


def whole(order: Order, m: int, k: int) -> None:
    """Assert that an order fills every position that can be filled, and shows nothing twice."""
    assert order.index.dtype == np.int64 and order.index.shape == (min(k, m),), "not min(k, m) positions"
    assert len(set(order.index.tolist())) == len(order.index), "a candidate stands twice"
    assert ((order.index >= 0) & (order.index < m)).all(), "a position shows what is no candidate"
    if order.propensity is not None:
        assert order.propensity.shape == order.index.shape, "not a propensity a position"
        assert ((order.propensity > 0) & (order.propensity <= 1)).all(), (
            "a propensity is no probability of what is shown"
        )


def fills(reranker: Reranker) -> None:
    """Exactly min(k, m) positions, none twice, for few and many candidates."""
    for m in (0, 1, 2, 7, 60):
        for k in (1, 5, 60, 100):
            whole(reranker.rerank(candidates(m, m), k), m, k)


def odd(reranker: Reranker) -> None:
    """Equal scores, equal items, items of which nothing is known, no taste: no crash, and the shape is right."""
    given = candidates(9)
    zero = np.zeros_like(given.vectors)
    for one in (
        Candidates(np.ones(9, np.float32), given.vectors, given.classes, given.taste),
        Candidates(given.score, np.tile(given.vectors[:1], (9, 1)), np.tile(given.classes[:1], (9, 1)), given.taste),
        Candidates(given.score, zero, zero, given.taste),
        Candidates(given.score, given.vectors, given.classes, np.zeros_like(given.taste)),
        Candidates(given.score, np.zeros((9, 0), np.float32), np.zeros((9, 0), np.float32), np.zeros(0, np.float32)),
        Candidates(given.score * 1e30, given.vectors, given.classes, given.taste),
    ):
        with np.errstate(all="raise", under="ignore"):
            whole(reranker.rerank(one, 5), 9, 5)


def repeats(reranker: Reranker) -> None:
    """The same candidates and seed, the same order; and what is given stays as it was."""
    given = candidates(40, 3)
    before = [array.copy() for array in (given.score, given.vectors, given.classes, given.taste)]
    first, second = reranker.rerank(given, 10), reranker.rerank(given, 10)
    assert np.array_equal(first.index, second.index), "the same seed gave another order"
    now = (given.score, given.vectors, given.classes, given.taste)
    assert all(np.array_equal(a, b) for a, b in zip(before, now, strict=True)), "the candidates were changed"


def scale(reranker: Reranker) -> None:
    """Scores compare within a query only: twice the scores, and all of them raised by one number, the same order."""
    given = candidates(40, 5)
    order = reranker.rerank(given, 10).index
    for score in (given.score * 2, given.score + np.float32(8)):
        other = Candidates(score, given.vectors, given.classes, given.taste, given.seed)
        assert np.array_equal(order, reranker.rerank(other, 10).index), "another scale gave another order"


def best_first(reranker: Reranker) -> None:
    """Where all candidates are equally unlike and of the same classes, the best scores come first, chance aside."""
    m = 12
    same = np.full((m, 3), 1 / 3, np.float32)
    given = Candidates(np.linspace(1, 0, m, dtype=np.float32), np.eye(m, dtype=np.float32), same, same[0])
    order = reranker.rerank(given, 5)
    sure = np.ones(5, np.bool_) if order.propensity is None else order.propensity == 1
    assert np.array_equal(order.index[sure], np.arange(5)[sure]), "a worse candidate stands above a better one"


CHECKS: tuple[Check, ...] = (fills, odd, repeats, scale, best_first)
