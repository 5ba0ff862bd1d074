"""Automatic choice: in time, better than popularity, judged where no choice saw, and plain to fit again."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from serendip.checks.toys import planted
from serendip.config import Evaluation, Settings
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.data.interactions import InteractionRules
from serendip.data.queries import ask
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.evaluation.deadline import Deadline
from serendip.evaluation.space import Range
from serendip.evaluation.task import Task
from serendip.metrics.name import parse
from serendip.models.als import ALS
from serendip.models.baselineonly import BaselineOnly
from serendip.models.children import algorithm
from serendip.models.content import Content
from serendip.models.contract import Run
from serendip.models.ease import EASE
from serendip.models.fwls import FWLS
from serendip.models.itemknn import ItemKNN
from serendip.models.popular import Popular
from serendip.models.stacked import Stacked
from serendip.models.svd import SVD
from serendip.models.trending import Trending
from serendip.models.weighted import Weighted
from serendip.service.auto import auto, candidates, strangers, welcoming
from serendip.service.entry import Entry
from serendip.service.looking import Looking, by_value, half_lives, near, rungs, staying, text_of, told, varied
from serendip.service.portfolio import contest
from serendip.service.predicting import alone
from serendip.service.settings import rules, weighed

RMSE = parse("rmse")
LAST = Settings(evaluation=Evaluation(split="last-share"))


@pytest.fixture(scope="module")
def data() -> Dataset:
    return planted().data


def test_it_chooses_in_time_and_judges_where_no_choice_saw(data: Dataset) -> None:
    said: list[str] = []
    began = time.monotonic()
    found = auto(data, LAST, 0.15, names=["itemknn", "ease", "als"], heard=said.append)
    assert time.monotonic() - began < 60  # 9 s are given; a busy machine has a grace
    seen = contest(contest(data, LAST).parts.train, LAST).parts
    assert found.contest.parts.test.fingerprint == contest(data, LAST).parts.test.fingerprint
    assert len(seen.train) < len(found.contest.parts.train)
    assert {e.algorithm.name for e in found.entries} <= {"popular", "itemknn", "ease", "als"}
    assert any("left" in line for line in said)
    names = [s.report.algorithm for s in found.board.standings]
    assert set(names) == {found.algorithm.name, "popular"} and found.published == found.algorithm
    plain = found.plain()
    assert plain["metric"] == "ndcg@10" and plain["algorithm"] == found.algorithm.name
    assert type(found.algorithm).configured(found.algorithm.settings()) == found.algorithm
    if isinstance(found.algorithm, Weighted):
        assert abs(sum(found.algorithm.weights) - 1) < 1e-9


def test_nothing_is_chosen_where_only_the_simplest_could_be_tried(data: Dataset) -> None:
    with pytest.raises(UserError, match=r"0\.0001 minutes are too few: no algorithm beside popular"):
        auto(data, LAST, 0.0001, names=["itemknn", "ease"])


def test_ratings_are_predicted_by_what_errs_least(data: Dataset) -> None:
    random = Settings(evaluation=Evaluation(split="random"))
    found = auto(data, random, 0.1, metric="rmse", names=["svd", "knnbaseline", "fwls"])
    assert {"baseline", "svd", "knnbaseline", "fwls"} <= {e.algorithm.name for e in found.entries}
    errors = {s.report.algorithm: s.report.estimates[found.metric].mean for s in found.board.standings}
    assert found.published == found.algorithm and errors[found.algorithm.name] < errors["baseline"] < 2
    assert found.plain()["against_baseline"] is not None and found.interactions == {}
    with pytest.raises(UserError, match="auc is of labels"):
        auto(data, random, 0.1, metric="auc")


def test_a_blend_of_ratings_has_to_add_something(data: Dataset) -> None:
    random = contest(data, Settings(evaluation=Evaluation(split="random"))).predicting(RMSE)

    def chosen(blend: float, left: float) -> str:
        looking = Looking(random, RMSE, Run(), Deadline.after(left), lambda _: None, 1.0, data.rules)
        for one, mean, seconds in ((BaselineOnly(), 0.95, 1), (SVD(), 0.9, 2), (FWLS(), blend, 20)):
            looking.entries.append(Entry(one, 1.0, data.rules, mean, seconds))
        found, single, gain = alone(looking)
        assert single.name != "fwls" and gain == pytest.approx(0.9 - blend if left == 60 else 0.0)
        return found.name

    assert [chosen(0.89, 60), chosen(0.8998, 60)] == ["fwls", "svd"]
    assert [chosen(0.89, 20), chosen(0.89, 1)] == ["svd", "baseline"]  # what there is time for


def test_labels_are_predicted_by_the_area_under_their_curve() -> None:
    generator = np.random.default_rng(0)
    user, item = generator.integers(0, 40, 4000), generator.integers(0, 30, 4000)
    place = generator.integers(0, 3, 4000)
    events = pl.DataFrame(
        {
            "user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item],
            "label": (generator.random(4000) < np.where((item + place) % 3 == 0, 0.9, 0.2)).astype(float),
            "context.place": [f"p{p}" for p in place],
        }
    )  # fmt: skip
    labelled = Dataset.of(Tables(events), InteractionRules(weights={}))
    found = auto(labelled, Settings(evaluation=Evaluation(split="random")), 0.1, metric="auc", names=["logistic", "fm"])
    assert found.algorithm.name == "fm" == found.published.name  # what a place means differs from item to item
    assert [s.report.algorithm for s in found.board.standings] == ["fm", "logistic"]
    assert found.board.standings[0].report.estimates[found.metric].mean > 0.7
    with pytest.raises(UserError, match="rmse is of ratings"):
        auto(labelled, Settings(), 0.1, metric="rmse")
    with pytest.raises(UserError, match="nothing can be chosen by coverage"):
        auto(labelled, Settings(), 0.1, metric="coverage@10")


def test_a_hybrid_over_the_best_is_tried_and_written_as_text(data: Dataset) -> None:
    parts = contest(data, LAST)
    looking = Looking(parts.task, parse("ndcg@10"), Run(), Deadline.after(300), lambda _: None, 1.0, data.rules)
    looking.whole = 300.0
    for one in (Popular(), ItemKNN(neighbours=7), EASE()):
        looking.tried(one, 1.0, None)
    assert [one.name for one in looking.members(Stacked, 1)] == [looking.best(1)[0].algorithm.name, "popular"]
    looking.stack(Stacked, 2)
    stacked = looking.entries[-1].algorithm
    assert isinstance(stacked, Stacked) and set(stacked.algorithms) <= {"ease", "itemknn:neighbours=7", "popular"}
    assert algorithm(text_of(stacked)) == stacked
    assert looking.expected(stacked) == looking.entries[-1].seconds  # not those of others of its name
    assert algorithm(f"weighted:algorithms=({text_of(stacked)},als)") == Weighted((text_of(stacked), "als"))
    looking.stack(Stacked, 2)
    assert looking.entries[-1].algorithm == stacked and len(looking.entries) == 4
    looking.left_out["stacked"] = "not done in time"
    looking.stack(Stacked, 1)
    del looking.left_out["stacked"]
    looking.whole = 0.0
    looking.stack(Stacked, 1)  # there is no time for it
    assert len(looking.entries) == 4


def test_a_search_that_was_stopped_goes_on(data: Dataset, tmp_path: Path) -> None:
    parts = contest(data, LAST)

    def looking() -> Looking:
        return Looking(parts.task, parse("ndcg@10"), Run(), Deadline.after(60), lambda _: None, 1.0, data.rules,
                       folder=tmp_path)  # fmt: skip

    first = looking().tried(ItemKNN(neighbours=7), 1.0, None)
    again = looking()
    assert first is not None and first.votes is not None
    known = again.tried(ItemKNN(neighbours=7), 1.0, 0.0)  # no time for a fit
    assert known is not None and known.votes is not None
    assert (known.mean, known.seconds, again.entries) == (first.mean, first.seconds, [known])
    np.testing.assert_array_equal(known.votes.z, first.votes.z)
    assert again.tried(ItemKNN(neighbours=8), 1.0, 0.0) is None
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:-9])
    assert looking().tried(ItemKNN(neighbours=7), 1.0, 0.0) is None


def test_candidates_rank_and_do_not_merely_mix_others() -> None:
    names = [one.name for one in candidates(None)]
    assert names[0] == "popular" and len(set(names)) == len(names)
    assert names[1:5] == ["itemknn", "rp3beta", "userknn", "als"]  # often good, and soon done
    assert [one.name for one in candidates(["svd", "ease", "bpr"], ["bpr"])] == ["popular", "ease", "bpr"]
    assert {"ease", "als", "itemknn", "stacked"} <= set(names) and not {"weighted", "svd"} & set(names)


def test_a_setting_is_moved_within_its_space_and_written_as_text() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        moved = varied(ItemKNN(), generator)
        assert moved is not None and algorithm(text_of(moved)) == moved
        value = near(Range(1.0, 100.0, True, False), 10.0, 90.0, generator)
        assert value == 90.0 or 10.0 <= value <= 10.0 * 9 ** (1 / 3) + 0.1  # type: ignore[operator]
    assert varied(Popular(), generator) is None
    assert text_of(ALS(unobserved=None, rank=8)) == "als:rank=8"


def test_a_blend_is_told_with_its_weights_and_a_single_one_without() -> None:
    alone = Weighted(("slim:l1=0.5",), (1.0,), "trending", shrinkage=0.0)
    assert told(alone) == "slim:l1=0.5; trending for newcomers"
    assert told(Weighted(("slim", "als"), (0.75, 0.25), "")) == "0.75 slim + 0.25 als"


def test_what_would_take_too_much_memory_is_left_out(data: Dataset) -> None:
    names = Ids([f"i{i}" for i in range(40_000)])
    wide = contest(replace(data, items=names, item_features=None), LAST)
    looking = Looking(wide.task, parse("ndcg@10"), Run(), Deadline.after(60), lambda _: None, 1.0, data.rules)
    looking.whole = 60.0
    assert looking.rung([Popular(), EASE()], 1.0, False, 20.0) == [Popular()]
    assert looking.left_out == {"ease": "its fit takes 6.4 GB"}


def test_larger_data_begins_on_fewer_users() -> None:
    assert rungs(1000) == [1.0]
    assert rungs(1_000_000) == pytest.approx([1 / 9, 1 / 3, 1])


def test_what_learns_from_something_else_stays() -> None:
    five = [ItemKNN(neighbours=n) for n in range(1, 7)]
    stay = staying([*five, Popular(), Content()])
    assert stay == [*five[:5], Content()]
    assert staying(five, near=6) == five


def test_newer_events_may_count_for_more_and_ratings_are_no_weights(data: Dataset) -> None:
    assert data.timestamp is not None
    halves = half_lives(data, data.rules)
    days = (data.timestamp.max() - data.timestamp.min()) / 86_400_000
    assert halves[0] == replace(data.rules, half_life=halves[0].half_life) and len(halves) == 3
    assert halves[0].half_life == pytest.approx(days / 4, rel=0.1)
    told = weighed(Settings(), halves[0]).interactions  # what serendip.toml says comes to the same rules
    assert replace(rules(told, data), threshold=None, weights={}) == replace(halves[0], threshold=None, weights={})
    pieces = replace(data, timestamp=None, value=np.full(len(data), 2, np.float32), types=("purchase",),
                     type=np.zeros(len(data), np.int8))  # fmt: skip
    assert half_lives(pieces, data.rules) == []
    assert by_value(pieces, data.rules) == [replace(data.rules, use_values=True)]
    assert by_value(replace(pieces, types=("rating",)), data.rules) == []


def test_newcomers_get_what_serves_them_best() -> None:
    """Tastes change all of a sudden: for who has no history what is taken now is better than what always was."""
    user, item, when = [], [], []
    for u in range(300):
        new = u >= 190
        taken = [20 + (u + j) % 6 for j in range(4)] if new else [(u + j) % 10 for j in range(4)]
        first = 40 * new + u % 40
        user += [u] * 4
        item += taken
        when += [(first + j) * 86_400_000 for j in range(4)]
    n = Ids([f"u{u}" for u in range(300)]), Ids([f"i{i}" for i in range(30)])
    data = Dataset.sort(*n, np.array(user, np.int32), np.array(item, np.int32), timestamp=np.array(when, np.int64))
    train = data.where(data.timestamp < 70 * 86_400_000)  # type: ignore[operator, arg-type]
    cold = Task.of(train, data.where(data.timestamp >= 70 * 86_400_000))  # type: ignore[operator, arg-type]
    nobody = replace(cold, queries=ask([[]] * len(cold)))
    looking = Looking(cold, parse("ndcg@10"), Run(), Deadline.after(60), lambda _: None, 1.0, data.rules)
    looking.whole = 60.0
    for one in (Popular(), Trending(), ItemKNN()):
        looking.tried(one, 1.0, None)
    assert strangers(looking.entries)[:2] == ["popular", "trending"]
    assert welcoming(looking, nobody).startswith("trending")
    assert welcoming(looking, replace(cold, queries=ask([[0]] * len(cold)))) == ""
