"""Who is in which group, and that a group's metrics are those of its users alone."""

import numpy as np
import polars as pl
import pytest

import serendip
from serendip.evaluation.groups import groups
from serendip.evaluation.report import evaluate
from serendip.evaluation.task import Task
from serendip.metrics.name import parse_all
from serendip.models.popular import Popular

N = 40


@pytest.fixture
def split() -> serendip.split:
    rng = np.random.default_rng(0)
    events = pl.DataFrame({
        "user": np.repeat([f"u{n:02}" for n in range(N)], 6),
        "item": np.concatenate([rng.choice([f"i{n}" for n in range(15)], 6, replace=False) for _ in range(N)]),
        "timestamp": np.tile(np.arange(6), N),
    })  # fmt: skip
    users = pl.DataFrame({
        "user": [f"u{n:02}" for n in range(N)],
        "city": ["Ulm", "", None, "Bonn"] * (N // 4),
        "age": range(N),
        "children": [0, 1, 2, None] * (N // 4),
        "zip": [f"z{n % 25}" for n in range(N)],
        "born": [1_700_000_000_000 + n // 10 for n in range(N)],
        "taste": [[float(n), 1.0] for n in range(N)],
        "likes": [["tea"], ["tea", "rum"], [], ["rum"]] * (N // 4),
    })  # fmt: skip
    return serendip.split(serendip.read(events, users=users), "last-share")


def sizes(task: Task, column: str) -> dict[str, int]:
    return {label: int(users.sum()) for label, users in groups(task, column).items()}


def test_a_column_makes_groups_in_order_and_who_has_no_value_is_one(split) -> None:
    task = Task.of_split(split)
    assert sizes(task, "city") == {"Bonn": 10, "Ulm": 10, "(missing)": 20}
    assert sizes(task, "children") == {"0": 10, "1": 10, "2": 10, "(missing)": 10}
    assert list(sizes(task, "age")) == ["0 to 9", "10 to 19", "20 to 29", "30 to 39"]
    assert sum(sizes(task, "age").values()) == N
    assert len(sizes(task, "born")) == 4  # no two numbers have one label
    assert set(sizes(task, "history")) <= {"4", "5"} and sum(sizes(task, "history").values()) == N


def test_a_list_puts_a_user_into_several_and_the_rarest_are_one(split) -> None:
    task = Task.of_split(split)
    assert sizes(task, "likes") == {"rum": 20, "tea": 20, "(missing)": 10}
    found = sizes(task, "zip")
    assert len(found) == 12 and list(found)[-1] == "(others)" and sum(found.values()) == N
    assert set(list(found.values())[:-1]) == {2}  # the greatest stand alone


def test_a_groups_metrics_are_those_of_its_users(split) -> None:
    task, metrics = Task.of_split(split), parse_all("ndcg@5,coverage@5")
    parts = groups(task, "city")
    found = evaluate(Popular(), task, metrics, groups=parts)
    for label, users in parts.items():
        own = found.measured[metrics[0]].of(users).mean
        assert found.groups[label].estimates[metrics[0]].mean == pytest.approx(own)
        assert found.groups[label].n_users == users.sum()
        assert np.isnan(found.groups[label].estimates[metrics[1]].mean)  # of all slates together, or not at all
    ndcg = [group.estimates[metrics[0]].mean * group.n_users for group in found.groups.values()]
    assert sum(ndcg) / N == pytest.approx(found.estimates[metrics[0]].mean)
    assert len(set(ndcg)) > 1


def test_from_python_groups_are_rows(split) -> None:
    found = serendip.evaluate("popular", split, "ndcg@5", by="children")
    assert found["group"].to_list() == [None, "0", "1", "2", "(missing)"]
    assert found["n_users"].to_list() == [N, 10, 10, 10, 10]
    assert "group" not in serendip.evaluate("popular", split, "ndcg@5").columns


def test_an_unknown_column_is_told_with_the_nearest(split) -> None:
    with pytest.raises(serendip.UserError, match="by 'agee': there is no such column; did you mean 'age'"):
        serendip.evaluate("popular", split, by="agee")
    with pytest.raises(serendip.UserError, match="by 'taste': it holds vectors"):
        serendip.evaluate("popular", split, by="taste")
