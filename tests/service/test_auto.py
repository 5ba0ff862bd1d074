"""Automatic choice: in time, better than popularity, judged where no choice saw, and plain to fit again."""

import time

import numpy as np
import pytest

from serendip.checks.toys import planted
from serendip.config import Evaluation, Settings
from serendip.data.dataset import Dataset
from serendip.evaluation.space import Range
from serendip.models.als import ALS
from serendip.models.children import algorithm
from serendip.models.content import Content
from serendip.models.itemknn import ItemKNN
from serendip.models.popular import Popular
from serendip.models.weighted import Weighted
from serendip.service.auto import auto, candidates, near, rungs, staying, text_of, varied
from serendip.service.portfolio import contest

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


def test_candidates_rank_and_are_no_hybrids() -> None:
    names = [one.name for one in candidates(None)]
    assert names[0] == "popular" and len(set(names)) == len(names)
    assert {"ease", "als", "itemknn"} <= set(names) and not {"weighted", "svd"} & set(names)


def test_a_setting_is_moved_within_its_space_and_written_as_text() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        moved = varied(ItemKNN(), generator)
        assert moved is not None and algorithm(text_of(moved)) == moved
        value = near(Range(1.0, 100.0, True, False), 10.0, 90.0, generator)
        assert value == 90.0 or 10.0 <= value <= 10.0 * 9 ** (1 / 3) + 0.1  # type: ignore[operator]
    assert varied(Popular(), generator) is None
    assert text_of(ALS(unobserved=None, rank=8)) == "als:rank=8"


def test_larger_data_begins_on_fewer_users() -> None:
    assert rungs(1000) == [1.0]
    assert rungs(1_000_000) == pytest.approx([1 / 9, 1 / 3, 1])


def test_what_learns_from_something_else_stays() -> None:
    five = [ItemKNN(neighbours=n) for n in range(1, 7)]
    stay = staying([*five, Popular(), Content()])
    assert stay == [*five[:5], Content()]
