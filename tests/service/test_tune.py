"""Tuning sees the training part alone, begins with the defaults, goes on where it stopped and says how sure it is."""

import dataclasses
import inspect
import typing
from pathlib import Path

import numpy as np
import pytest

import serendip
from serendip.checks.toys import planted
from serendip.config import Evaluation, Settings
from serendip.data.dataset import Dataset
from serendip.data.split import Split
from serendip.errors import UserError
from serendip.evaluation.task import Task
from serendip.models.als import ALS
from serendip.models.contract import Run
from serendip.service.portfolio import contest
from serendip.service.tune import of_users, replayed, tune, tuning_of

LAST = Settings(evaluation=Evaluation(split="last-share"))
EVENTS = (Dataset, Split, Task, Run)  # a Run may bring a validation part


@pytest.fixture(scope="module")
def data() -> Dataset:
    return planted().data


def test_a_task_of_some_users_has_their_rows(data: Dataset) -> None:
    task = contest(data, LAST).task
    some = of_users(task, np.array([3, 7]))
    assert task.rows.timestamp is not None and some.rows.timestamp is not None
    for at, before in enumerate([3, 7]):
        np.testing.assert_array_equal(some.rows.item[some.rows.query == at], task.rows.item[task.rows.query == before])
        of = task.rows.timestamp[task.rows.query == before]
        np.testing.assert_array_equal(some.rows.timestamp[some.rows.query == at], of)


def mentions(kind: object, what: tuple[type, ...]) -> bool:
    """Return whether a type is one of some, or holds one."""
    if kind in what:
        return True
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return any(mentions(hint, what) for hint in typing.get_type_hints(kind).values())
    return any(mentions(part, what) for part in typing.get_args(kind) if typing.get_origin(kind) is not None)


def test_no_argument_could_bring_a_test_part() -> None:
    hints = typing.get_type_hints(tune)
    given = list(inspect.signature(tune).parameters)
    assert not any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in inspect.signature(tune).parameters.values())
    callables = {"progress", "begun", "heard"}  # they are told things, and give nothing back
    bring = [name for name in given if name not in callables and mentions(hints[name], EVENTS)]
    assert bring == ["data"] and hints["data"] is Dataset
    assert typing.get_args(typing.get_args(hints["progress"])[0])[-1] is None
    assert serendip.tune is tune


def test_the_validation_part_is_carved_out_of_the_data(data: Dataset) -> None:
    task = tuning_of(ALS(), data, LAST, None).task
    inner = contest(data, LAST)
    assert task.train.fingerprint == inner.parts.train.fingerprint and len(task.train) < len(data)


def test_the_default_is_first_and_the_best_is_no_worse(data: Dataset, tmp_path: Path) -> None:
    found = tune("itemknn", data, trials=12, settings=LAST, folder=tmp_path, seed=1)
    default = serendip.ItemKNN()
    assert found.trials[0].settings == {n: getattr(default, n) for n in found.tuning.axes}
    assert len(found.trials) == 12 and found.best.mean >= found.trials[0].mean
    assert found.algorithm.settings().items() >= found.changed.items()
    assert 0 <= found.gained.sure <= 1 and found.gained.low <= found.gained.high
    assert found.more is not None
    again = tune("itemknn", data, trials=12, settings=LAST, seed=1)
    assert [t.settings for t in again.trials] == [t.settings for t in found.trials]  # the same seed, the same search


def test_a_search_that_was_stopped_goes_on(data: Dataset, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(*_: object) -> None:
        if len(_[2]) == 3:  # type: ignore[arg-type]
            raise Stop

    with pytest.raises(Stop):
        tune("itemknn", data, trials=6, settings=LAST, folder=tmp_path, heard=stop)
    heard: list[int] = []
    found = tune("itemknn", data, trials=6, settings=LAST, folder=tmp_path, begun=lambda _: heard.append(0),
                 heard=lambda *a: heard.append(len(a[2])))  # fmt: skip
    assert heard == [0, 4, 5, 6]
    whole = tune("itemknn", data, trials=6, settings=LAST)
    assert [(t.settings, t.mean) for t in found.trials] == [(t.settings, t.mean) for t in whole.trials]
    np.testing.assert_array_equal(found.best.value, whole.best.value)


def test_what_was_found_is_found_again(data: Dataset) -> None:
    found = tune(ALS(rank=8), data, trials=4, settings=LAST)
    plain = found.plain()
    again = replayed(found.tuning.algorithm, found.algorithm, data, LAST, None, Run())
    assert again == {name: plain[name] for name in ("n_users", "default", "best")}


def test_ratings_are_tuned_by_their_error(data: Dataset) -> None:
    found = tune("svd", data, trials=3, settings=Settings(evaluation=Evaluation(split="random")))
    plain = found.plain()
    assert plain["metric"] == "rmse"
    assert isinstance(plain["best"], float) and isinstance(plain["default"], float)
    assert 0 < plain["best"] <= plain["default"] < 3


def test_a_small_space_is_exhausted_and_no_time_is_none(data: Dataset) -> None:
    found = tune("slopeone", data, trials=40, settings=Settings(evaluation=Evaluation(split="random")))
    assert len(found.trials) == 2
    hurried = tune("ease", data, trials=500, minutes=0.02, settings=LAST)
    assert len(hurried.trials) < 500 and hurried.seconds < 30


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("popular", {}, "popular has nothing to tune"),
        ("als", {"metric": "coverage@10"}, "coverage@10 cannot be tuned by"),
        ("als", {"trials": 0}, "needs a trial"),
        ("als", {"metric": "rmse"}, "predicts no values and cannot give rmse"),
    ],
)
def test_what_cannot_be_tuned_is_said(data: Dataset, name: str, given: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        tune(name, data, settings=LAST, **given)  # type: ignore[arg-type]
