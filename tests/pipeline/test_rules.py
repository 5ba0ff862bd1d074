"""Rules: what each kind does to a catalogue at a moment, and what cannot be a rule."""

import numpy as np
import polars as pl
import pytest

from serendip.errors import UserError
from serendip.pipeline.rules import NEVER, Rule, moment, ruled

FRAME = pl.DataFrame(
    {
        "price": [10.0, 60.0, None, 40.0],
        "genres": [["Jazz", "Blues"], ["jazz"], ["Rock"], None],
        "available_from": pl.Series([None, 100, None, 300]).cast(pl.Datetime("ms")),
        "available_until": pl.Series([None, 200, None, None]).cast(pl.Datetime("ms")),
    }
)


def at_work(*rules, now=150, pipeline="home"):
    return ruled(rules, FRAME, 4, lambda id_: int(id_[1:]), now, pipeline)


def shut(*rules, now=150):
    found = at_work(*rules, now=now).shut
    return [] if found is None else np.flatnonzero(found).tolist()


def test_availability_windows_open_and_close():
    assert shut(now=50) == [1, 3]
    assert shut(now=100) == [3]
    assert shut(now=200) == [1, 3]
    assert shut(now=300) == [1]
    assert [at_work(now=now).until for now in (50, 100, 200, 300)] == [100, 200, 300, NEVER]


def test_exclude_filter_and_include():
    cheap, jazz = Rule("dear", "exclude", "price > 50"), Rule("jazz", "filter", '"jazz" in genres')
    assert shut(cheap) == [1, 3]
    assert shut(jazz) == [2, 3]
    assert shut(jazz, Rule("rock too", "include", '"rock" in genres')) == [3]
    assert shut(Rule("all", "exclude", "true"), Rule("even so", "include", "true")) == [3]  # never what is absent
    told = dict(at_work(jazz, cheap).dropped)
    assert {name: items.tolist() for name, items in told.items()} == {
        "not available": [3], "jazz": [2, 3], "dear": [1]}  # fmt: skip


def test_factors_multiply():
    found = at_work(Rule("a", "boost", "price < 50", factor=2.0), Rule("b", "bury", '"jazz" in genres', factor=0.5))
    assert found.factor.tolist() == [1.0, 0.5, 1.0, 2.0]
    assert found.raised.tolist() == [3]


def test_a_rule_holds_in_its_time_and_its_pipelines():
    rule = Rule("dear", "exclude", "price > 50", starts=100, ends=200, pipelines=("home",))
    for now, there in ((99, False), (100, True), (199, True), (200, False)):
        assert ("dear" in dict(at_work(rule, now=now).dropped)) is there
    assert "dear" not in dict(at_work(rule, pipeline="basket").dropped)
    assert at_work(rule, now=50).until == 100  # the earliest of all that changes


def test_a_rule_that_speaks_of_what_is_not_there_is_passed_over_and_named():
    found = at_work(
        Rule("a", "exclude", "prise > 50"), Rule("b", "cap", by="genre", most=2), Rule("c", "exclude", "price > 50")
    )
    assert "did you mean 'price'" in found.faults[0] and "did you mean 'genres'" in found.faults[1]
    assert "c" in dict(found.dropped)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "needs a kind"),
        ({"kind": "exclud", "when": "true"}, "did you mean 'exclude'"),
        ({"kind": "exclude"}, "exclude needs when"),
        ({"kind": "exclude", "when": "price <"}, "the condition ends"),
        ({"kind": "exclude", "when": "true", "factor": 2}, "takes when, not factor"),
        ({"kind": "exclude", "whem": "true"}, "did you mean 'when'"),
        ({"kind": "boost", "when": "true", "factor": 0.5}, "from 1 to 1000"),
        ({"kind": "bury", "when": "true", "factor": -1}, "from 0 to 1"),
        ({"kind": "bury", "when": "true", "factor": float("nan")}, "from 0 to 1"),
        ({"kind": "cap", "by": "genres", "most": 1.5}, "cannot be 1.5"),
        ({"kind": "pin", "item": "i1", "position": 5000}, "from 1 to 1000"),
        ({"kind": "exclude", "when": "true", "starts": "soon"}, "is a date such as"),
        ({"kind": "exclude", "when": "true", "starts": 5, "ends": 4}, "ends before it starts"),
        ({"kind": "exclude", "when": True}, "when cannot be True"),
    ],
)
def test_what_cannot_be_a_rule_is_told(table, said):
    with pytest.raises(UserError, match=said):
        Rule.of("r", table)


def test_a_rule_is_plain_data():
    table = {"kind": "boost", "when": "price < 50", "factor": 3, "starts": "2026-01-31T18:00", "pipelines": ["home"]}
    rule = Rule.of("r", table)
    assert rule.starts == moment("2026-01-31T19:00+01:00", "") == 1_769_882_400_000
    assert Rule.of("r", rule.plain()) == rule
