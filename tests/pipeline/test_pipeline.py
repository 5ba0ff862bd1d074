"""A pipeline: the model first, then what stands in for it, then the static list; never what is banned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.arrays import ItemLists, offsets
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.data.queries import Queries, ask
from serendip.models.ease import EASE
from serendip.models.popular import Popular
from serendip.pipeline.pipeline import STAGES, Pipeline

N_USERS, N_ITEMS = 8, 9  # item 8 was never met


@pytest.fixture(scope="module")
def models():
    pairs = [(u, i) for u in range(N_USERS) for i in range(8) if (u + i) % 3 or i == 0]
    user, item = np.array(pairs, np.int32).T
    names = Ids([f"u{n}" for n in range(N_USERS)]), Ids([f"i{n}" for n in range(N_ITEMS)])
    data = Dataset(*names, user, item)
    return EASE(l2=1.0).fit(data), Popular().fit(data)


def lists(rows):
    return ItemLists(
        offsets(np.array([len(row) for row in rows])), np.array([i for row in rows for i in row], np.int32)
    )


def indices(*items):
    return np.array(items, np.int32)


def test_a_pipeline_of_one_model_recommends_as_the_model(models):
    main, _ = models
    queries = ask([[0, 1], [2], [3, 4, 5]])
    ours, theirs = Pipeline(main).recommend(queries, 4), main.recommend(queries, 4)
    np.testing.assert_array_equal(ours.item, theirs.item)
    np.testing.assert_array_equal(ours.score, theirs.score)


def test_whoever_brings_nothing_gets_what_stands_in(models):
    main, popular = models
    slates, stage = Pipeline(main, popular).traced(ask([[]]), 5)
    assert slates.filled[0] == 5
    assert {STAGES[s] for s in stage[0]} <= {"model", "fallback"}
    np.testing.assert_array_equal(slates.item[0], popular.recommend(ask([[]]), 5).item[0])


def test_the_static_list_comes_last_and_scores_nothing(models):
    main, popular = models
    slates, stage = Pipeline(main, popular, static=indices(8, 1)).traced(ask([[0]]), 8, exclude=lists([[0, 1]]))
    assert slates.item[0].tolist()[-2:] == [8, -1]
    assert [STAGES[s] if s >= 0 else None for s in stage[0]][-2:] == ["static", None]
    assert slates.score[0, -2] == 0 and np.isnan(slates.score[0, -1])


def test_candidates_are_not_widened_by_the_static_list(models):
    slates = Pipeline(*models, static=indices(8)).recommend(ask([[0]]), 3, candidates=lists([[2, 3]]))
    assert sorted(slates.item[0].tolist()) == [-1, 2, 3]


@settings(max_examples=60, deadline=None)
@given(
    histories=st.lists(st.lists(st.integers(0, 8), max_size=6), min_size=1, max_size=4),
    banned=st.sets(st.integers(0, 8), max_size=8),
    static=st.lists(st.integers(0, 8), max_size=4, unique=True),
    k=st.integers(1, 12),
    seen=st.booleans(),
)
def test_a_slate_is_full_where_it_can_be_and_holds_nothing_twice_nor_banned(models, histories, banned, static, k, seen):
    static = [item for item in static if item not in banned]
    pipeline = Pipeline(*models, banned=indices(*sorted(banned)), static=indices(*static))
    queries: Queries = ask(histories)
    slates, stage = pipeline.traced(queries, k, exclude=queries.history.lists if seen else None)
    assert slates.item.shape == slates.score.shape == stage.shape == (len(histories), k)
    for b, history in enumerate(histories):
        out = banned | (set(history) if seen else set())
        filled = int(slates.filled[b])
        shown = slates.item[b, :filled].tolist()
        assert len(set(shown)) == len(shown)
        assert not set(shown) & out
        assert (slates.item[b, filled:] == -1).all() and (stage[b, filled:] == -1).all()
        assert (np.diff(stage[b, :filled]) >= 0).all()
        assert filled >= min(k, len(set(range(8)) - out))
        for which in (0, 1):
            scores = slates.score[b, :filled][stage[b, :filled] == which]
            assert (np.diff(scores) <= 0).all()


def test_a_batch_is_the_same_as_one_by_one(models):
    pipeline = Pipeline(*models, banned=indices(3), static=indices(8))
    queries = ask([[0, 1], [], [2, 5, 7], [4]])
    whole = pipeline.recommend(queries, 9, exclude=queries.history.lists)
    for b in range(4):
        one = queries.rows(np.array([b]))
        alone = pipeline.recommend(one, 9, exclude=one.history.lists)
        np.testing.assert_array_equal(whole.item[b], alone.item[0])
        np.testing.assert_allclose(whole.score[b], alone.score[0], rtol=1e-6)
