"""Reasons in the words of whatever gave most to a score, and contributions that sum to it."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from serendip.arrays import offsets
from serendip.cli import status
from serendip.pipeline.about import About
from serendip.service.open import opened
from serendip.service.reasons import DENSE, new_in, strongest, together
from serendip.service.slate import How, slate, slate_for, slate_together


@pytest.fixture
def live(shop):
    with open("project/serendip.toml", "a") as out:
        out.write('\n[pipelines.new]\nretrieve = ["latest:60"]\nrank = "latest"\nrerank = ["mmr:relevance=1"]\n')
        out.write('[pipelines.alike]\nretrieve = ["demographic:60"]\nrank = "demographic"\n')
    for algorithm in ("latest", "demographic"):
        assert status(["train", algorithm, "--project", "project"]) == 0
    for _ in range(2):
        assert status(["models", "rollback", "--project", "project"]) == 0
    made = opened(Path("project"))
    yield made
    made.store.close()


def test_what_is_new_is_new_in_a_class(live):
    reasons = [one.reason for one in slate(live, "u14", 5, how=How("new")).items]
    assert all(reason.startswith("new in taste") for reason in reasons)


def test_the_class_named_is_the_one_that_the_history_holds_most_of():
    frame = pl.DataFrame({"genres": [["Jazz", "Blues"], ["Blues"], ["jazz"], None]})
    about = About.of(frame, "genres", 4)
    for history, said in (([1], "new in Blues"), ([2], "new in Jazz"), ([2, 2, 1], "new in Jazz")):
        assert new_in(about, 0, about.taste(np.array(history, np.int32))) == said
    assert new_in(about, 3, about.taste(np.array([1], np.int32))) == "new in the catalogue"


def test_people_of_a_kind_are_named_by_their_kind(live):
    reasons = [one.reason for one in slate(live, "u14", 5, how=How("alike")).items]
    assert all(reason.startswith("popular with") for reason in reasons)


@pytest.mark.parametrize("pipeline", ["default", "new", "alike"])
def test_contributions_sum_to_each_score(live, pipeline):
    how = How(pipeline, contributions=True)
    made = [
        slate(live, "u14", 20, how=how),
        slate_for(live, [], 10, how=how, user_id="u14", item_id="i30"),
        slate_together(live, ["u14", "u3", "u8"], 10, how=how),
        slate_together(live, ["u14", "u3"], 10, "least-misery", how=how),
    ]
    for one in (item for each in made for item in each.items):
        assert sum(part.weight for part in one.contributions) == pytest.approx(one.score, rel=1e-3, abs=1e-3)


def test_a_score_names_the_item_that_gave_most_and_a_second_that_gave_nearly_as_much():
    count = np.array([0, 3, 1, 2, 0, 4, 2])
    weight = np.array([1, 3, 2, 5, -1, -2, 4, 4, 9, 6, 0, 0], np.float32)
    item = np.arange(len(weight), dtype=np.int32) + 10
    assert strongest(offsets(count), item, weight) == [[], [11, 12], [13], [], [], [18, 19], []]
    assert strongest(np.zeros(3, np.int64), item[:0], weight[:0]) == [[], []]


def test_what_is_named_several_times_is_put_together_alike_by_a_table_and_by_sorting():
    key = np.random.default_rng(0).integers(0, 50, 200)
    for one, other in zip(together(key, 50), together(key, DENSE + 1), strict=True):
        assert np.array_equal(one, other)
