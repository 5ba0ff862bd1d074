"""Named pipelines: full slates of what may be shown, in the order that the stages say, with all of it accounted for."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.data.queries import ask
from serendip.models.ease import EASE
from serendip.models.itemknn import ItemKNN
from serendip.models.popular import Popular
from serendip.pipeline.about import About
from serendip.pipeline.made import Asked
from serendip.pipeline.pipeline import STAGES, Pipeline
from serendip.pipeline.rules import Rule, ruled
from serendip.pipeline.stages import Source, Stages
from serendip.pipeline.surface import Surface
from serendip.rerank.calibration import Calibration
from serendip.rerank.exploration import Exploration
from serendip.rerank.mmr import MMR

N_USERS, N_ITEMS = 24, 20  # items 18 and 19 were never met
KINDS = ["red", "green", "blue"]


@pytest.fixture(scope="module")
def plain():
    pairs = [(u, i) for u in range(N_USERS) for i in range(18) if (u * 7 + i * 5 + u * i) % 4 == 0 or i % 6 == u % 6]
    user, item = np.array(pairs, np.int32).T
    names = Ids([f"u{n}" for n in range(N_USERS)]), Ids([f"i{n}" for n in range(N_ITEMS)])
    data = Dataset(*names, user, item)
    return Surface(Pipeline(EASE(l2=5.0).fit(data), Popular().fit(data)), similar=ItemKNN().fit(data), n_items=N_ITEMS)


FRAME = pl.DataFrame({"kind": [KINDS[n % 3] for n in range(N_ITEMS)], "price": [float(n) for n in range(N_ITEMS)]})


def with_rules(surface, *rules):
    found = ruled(rules, FRAME, N_ITEMS, lambda id_: int(id_[1:]), 0, "home")
    assert not found.faults
    return replace(surface, ruled=found, about=About.of(FRAME, "", N_ITEMS))


def shown(surface, *history, k=5, **asked):
    return surface.made(Asked(ask([list(history)]), k, **asked))


def items(made):
    return made.scored.item.tolist()


def test_without_stages_and_rules_it_is_the_pipeline(plain):
    theirs = plain.pipeline.recommend(ask([[0, 1]]), 6, exclude=ask([[0, 1]]).history.lists)
    made = shown(plain, 0, 1, k=6)
    assert items(made) == theirs.item[0].tolist()
    np.testing.assert_array_equal(made.scored.score, theirs.score[0])


def test_retrieval_deep_enough_gives_what_the_model_alone_gives(plain):
    deep = replace(plain, stages=Stages(retrieve=(Source("model", 20), Source("fallback", 20), Source("similar", 5))))
    assert items(shown(deep, 0, 1)) == items(shown(plain, 0, 1))


def test_candidates_are_what_is_retrieved_and_no_more(plain):
    narrow = replace(plain, stages=Stages(retrieve=(Source("similar", 2),)))
    made = shown(narrow, 3)
    like = plain.similar.similar(np.array([3], np.int32), 2).item[0].tolist()
    assert set(items(made)[:2]) == set(like)
    assert [STAGES[s] for s in made.stage] == ["model", "model", "fallback", "fallback", "fallback"]


def test_what_nobody_knows_comes_last_the_newest_first(plain):
    made = shown(plain, 0, k=30)
    assert items(made)[-2:] == [19, 18] and len(items(made)) == 19
    assert [STAGES[s] for s in made.stage[-2:]] == ["catalogue", "catalogue"]


def test_a_boost_lifts_what_would_not_have_been_retrieved(plain):
    every = shown(plain, 0, k=30).scored
    last = int(every.item[every.score > 0.01][-1])
    assert last not in items(shown(plain, 0, k=3))
    boosted = with_rules(plain, Rule("up", "boost", f"price == {last}", factor=1000.0))
    made = shown(boosted, 0, k=3)
    first = made.scored
    assert first.item[0] == last
    own = plain.pipeline.model.score(ask([[0]]), np.array([[last]], np.int32))[0, 0]
    assert first.score[0] == pytest.approx(own + first.raised[0])
    buried = with_rules(plain, Rule("down", "bury", 'kind == "red"', factor=0.0))
    assert max(i % 3 == 0 for i in items(shown(buried, 1, k=3))) == 0


def test_a_pin_stands_where_it_is_put_unless_it_may_not_be_shown(plain):
    pinned = with_rules(plain, Rule("a", "pin", item="i19", position=2), Rule("b", "exclude", "price > 5"))
    made = shown(pinned, 0, k=4)
    assert items(made)[1] == 19 and len(items(made)) == 4 and STAGES[made.stage[1]] == "rule"
    assert 19 not in items(shown(pinned, 0, k=4, exclude=np.array([19], np.int32)))
    banned = replace(pinned, pipeline=replace(pinned.pipeline, banned=np.array([19], np.int32)))
    assert 19 not in items(shown(banned, 0, k=4))


def test_an_item_of_the_history_may_be_pinned_but_stands_once(plain):
    pinned = with_rules(plain, Rule("a", "pin", item="i0", position=1), Rule("b", "pin", item="i0", position=3))
    assert items(shown(pinned, 0, k=4)).count(0) == 1 and items(shown(pinned, 0, k=4))[0] == 0


def test_exploration_is_seeded_and_its_propensities_are_those_of_its_slots(plain):
    chance = replace(plain, stages=Stages(rerank=(Exploration(0.5, 2),)))
    one, two = (shown(chance, 0, k=4, seed=7) for _ in range(2))
    assert items(one) == items(two)
    assert one.propensity[:2].tolist() == [1, 1] and (one.propensity[2:] < 1).all()
    assert len({tuple(items(shown(chance, 0, k=4, seed=seed))) for seed in range(20)}) > 3
    assert plain.pipeline is chance.pipeline and shown(plain, 0).propensity is None


def test_calibration_follows_the_history(plain):
    even = replace(with_rules(plain), stages=Stages(rerank=(Calibration(0.99),)))
    kinds = [KINDS[i % 3] for i in items(shown(even, 0, 3, 6, 1, k=4))]
    assert kinds.count("red") == 3 and kinds.count("green") == 1


def test_groups_are_what_their_members_come_to(plain):
    queries = ask([[0, 1], [8]])
    model = plain.pipeline.model
    for how, put in (("average", np.mean), ("least-misery", np.min), ("most-pleasure", np.max)):
        made = plain.made(Asked(queries, 5, aggregate=how)).scored
        every = np.setdiff1d(np.arange(18), [0, 1, 8]).astype(np.int32)
        value = model.score(queries, np.tile(every, (2, 1)))
        low, high = value.min(axis=1, keepdims=True), value.max(axis=1, keepdims=True)
        expected = put((value - low) / (high - low), axis=0)
        np.testing.assert_allclose(made.score, np.sort(expected)[::-1][:5], rtol=1e-4)
        assert not set(made.item.tolist()) & {0, 1, 8}


def test_a_member_of_whom_nothing_is_known_does_not_count(plain):
    alone, both = (plain.made(Asked(ask(who), 5, aggregate="least-misery")).scored for who in ([[0, 1]], [[0, 1], []]))
    assert both.item.tolist() == alone.item.tolist()


def test_an_items_page_is_likeness_with_the_viewers_history(plain):
    like = [i for i in plain.similar.similar(np.array([3], np.int32), 5).item[0].tolist() if i >= 0]
    page = shown(plain, k=5, item=3)
    assert items(page)[: len(like)] == like and 3 not in items(page)
    one, all_ = (replace(plain, stages=Stages(taste=taste)) for taste in (0.0, 1.0))
    assert items(shown(one, 1, k=2, item=3)) == like[:2]
    viewer = plain.pipeline.model.score(ask([[1]]))[0]
    order = shown(all_, 1, k=len(like), item=3).scored.item
    assert (np.diff(viewer[order]) <= 0).all()


def rules_of(draw):
    kinds = st.sampled_from([
        Rule("f", "filter", "price > 4"), Rule("e", "exclude", 'kind == "red"'), Rule("i", "include", "price == 3"),
        Rule("b", "boost", "price < 9", factor=3.0), Rule("d", "bury", 'kind == "blue"', factor=0.2),
        Rule("c", "cap", by="kind", most=2), Rule("p", "pin", item="i7", position=2),
        Rule("q", "pin", item="i19", position=1),
    ])  # fmt: skip
    return draw(st.lists(kinds, max_size=4, unique=True))


@st.composite
def questions(draw):
    history = draw(st.lists(st.lists(st.integers(0, 19), max_size=5), min_size=1, max_size=3))
    exclude = draw(st.sets(st.integers(0, 19), max_size=6))
    return rules_of(draw), Asked(
        ask(history), draw(st.integers(1, 25)), np.array(sorted(exclude), np.int32),
        item=draw(st.integers(-1, 19)) if len(history) == 1 else -1, seed=draw(st.integers(0, 99)),
        aggregate=draw(st.sampled_from(["average", "least-misery", "most-pleasure"])),
    )  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    question=questions(), banned=st.sets(st.integers(0, 19), max_size=5),
    rerank=st.lists(st.sampled_from([MMR(0.5), Calibration(0.5), Exploration(0.5, 3)]), max_size=3),
    sources=st.lists(st.sampled_from([Source("model", 6), Source("fallback", 4), Source("similar", 3)]), max_size=3),
)  # fmt: skip
def test_a_slate_is_full_where_it_can_be_and_shows_nothing_that_may_not_be(plain, question, banned, rerank, sources):
    rules, asked = question
    surface = with_rules(plain, *rules)
    pipeline = replace(plain.pipeline, banned=np.array(sorted(banned), np.int32), static=np.array([18], np.int32))
    if 18 in banned:
        pipeline = replace(pipeline, static=np.empty(0, np.int32))
    surface = replace(surface, pipeline=pipeline, stages=Stages(rerank=tuple(rerank), retrieve=tuple(sources)))
    made = surface.made(asked)
    got, k = items(made), asked.k
    never = banned | set(asked.exclude.tolist()) | ({asked.item} if asked.item >= 0 else set())
    filtered = set() if surface.ruled.shut is None else set(np.flatnonzero(surface.ruled.shut).tolist())
    seen = set(asked.queries.history.item.tolist())
    pins = {pin.item for pin in surface.ruled.pins} - never
    assert len(set(got)) == len(got) == len(made.stage) <= k
    assert not set(got) & never
    assert not (set(got) - pins) & (filtered | seen)
    free = set(range(N_ITEMS)) - never - filtered - seen
    assert np.isfinite(made.scored.score).all()
    if "c" in {rule.name for rule in rules}:
        by_rank = [KINDS[i % 3] for i in got if i not in pins]
        most = {kind: max(0, 2 - sum(KINDS[i % 3] == kind for i in pins & set(got))) for kind in KINDS}
        assert all(by_rank.count(kind) <= most[kind] for kind in KINDS)
    else:
        placed = {pin.item for pin in surface.ruled.pins if pin.item not in never and pin.position < k}
        assert len(got) == min(k, len(free | placed))
    total = (made.scored.weight * terms_of(made, surface)).sum(axis=1) + made.scored.base + made.scored.raised
    np.testing.assert_allclose(total, made.scored.score, rtol=1e-3, atol=1e-3)
    for step in made.trace:
        assert step.stage in ("retrieve", "filter", "rank", "rerank", "fallback")
        assert all(len(dropped) for _, dropped in step.dropped)


def terms_of(made, surface):
    """Return what each term says of each item, asked anew."""
    columns = []
    for term in made.scored.terms:
        item = made.scored.item
        if term.model is None:
            value = np.zeros(len(item))
            if term.item >= 0:
                got = surface.similar.similar(np.array([term.item], np.int32), 400)
                place = dict(zip(got.item[0].tolist(), got.score[0].tolist(), strict=True))
                value = np.array([place.get(i, 0.0) for i in item.tolist()])
        else:
            known = np.where(item < term.model.n_items, item, -1).astype(np.int32)
            value = term.model.score(term.queries, known[None])[0]
        columns.append(np.nan_to_num(value))
    return np.stack(columns, axis=1)


def test_it_is_judged_like_a_model(plain):
    queries = ask([[0, 1], [5]])
    slates = plain.recommend(queries, 4, exclude=queries.history.lists)
    np.testing.assert_array_equal(slates.item, plain.pipeline.recommend(queries, 4, exclude=queries.history.lists).item)
