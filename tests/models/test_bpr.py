"""BPR and WARP, which share all but the loss."""

import dataclasses

import numpy as np
import pytest

from serendip.checks.contract import recall
from serendip.checks.toys import checkerboard, planted
from serendip.data.queries import History, Queries, ask
from serendip.data.split import at_random
from serendip.models.bpr import BPR
from serendip.models.contract import Algorithm, Run
from serendip.models.popular import Popular
from serendip.models.warp import WARP

BOTH = pytest.mark.parametrize("algorithm", [BPR(rank=8), WARP(rank=8)], ids=["bpr", "warp"])


@BOTH
def test_newcomers_are_served_better_than_by_popularity(algorithm: Algorithm) -> None:
    toy = planted()
    old = toy.data.where(toy.data.user < 200)
    model, popular = algorithm.fit(old), Popular().fit(old)
    asked = toy.data.queries(np.arange(200, 300, dtype=np.int32))
    new = Queries(np.full(100, -1, np.int32), asked.history)
    relevant = toy.withheld.rows(np.arange(200, 300))

    def found(slates: np.ndarray) -> float:
        return float(np.mean([np.isin(relevant.item[relevant.offset[b] : relevant.offset[b + 1]], slates[b]).mean()
                              for b in range(100)]))  # fmt: skip

    ours, theirs = (found(m.recommend(new, 10, exclude=new.history.lists).item) for m in (model, popular))
    assert ours > 1.15 * theirs


@BOTH
def test_a_folded_history_agrees_with_the_fitted_row(algorithm: BPR | WARP) -> None:
    data = planted().data
    model = algorithm.fit(data)
    known = data.queries()
    stranger = Queries(np.full(len(known), -1, np.int32), known.history)
    fitted, folded = (model.score(q)[:, model.known] for q in (known, stranger))
    together = [np.corrcoef(a, b)[0, 1] for a, b in zip(fitted, folded, strict=True)]
    assert np.median(together) > 0.75
    assert 0.5 < np.std(folded) / np.std(fitted) < 1.5  # on one scale, beside the same item biases


@BOTH
def test_without_a_history_popular_items_come_first(algorithm: BPR | WARP) -> None:
    data = planted().data
    model = algorithm.fit(data)
    count = np.bincount(data.item, minlength=data.n_items)[model.known]
    assert np.corrcoef(model.score(ask([[]]))[0, model.known], count)[0, 1] > 0.5


@BOTH
def test_a_warm_start_goes_on(algorithm: Algorithm) -> None:
    toy = planted()
    short = algorithm.set(epochs=2)
    trained = algorithm.set(epochs=60).fit(toy.data)
    assert recall(short.fit(toy.data, run=Run(start=trained)), toy) > 1.1 * recall(short.fit(toy.data), toy)


@BOTH
def test_it_stops_when_the_validation_part_gets_no_better(algorithm: Algorithm) -> None:
    split = at_random(planted().data, 0.2)
    seen: list[int] = []
    run = Run(validation=split.test, progress=lambda what, done, of: seen.append(done))
    algorithm.set(epochs=2000, l2=0.0).fit(split.train, run=run)
    assert 0 < len(seen) < 2000


@BOTH
@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(algorithm: Algorithm, threads: int) -> None:
    data = planted(n_users=80, n_items=400).data
    one, other = (algorithm.set(epochs=3).fit(data, run=Run(threads=n)) for n in (1, threads))
    assert np.array_equal(one.score(data.queries()), other.score(data.queries()), equal_nan=True)


@BOTH
def test_an_event_since_the_fit_moves_the_scores(algorithm: Algorithm) -> None:
    data = checkerboard().data
    model = algorithm.fit(data)
    one = data.queries(np.array([0], np.int32))
    shorter = History(np.array([0, 3]), one.history.item[:3])
    changed = dataclasses.replace(one, history=shorter)
    assert not np.allclose(model.score(changed), model.score(one), atol=1e-3)
    np.testing.assert_array_equal(model.score(changed), model.score(Queries(np.array([-1], np.int32), shorter)))
