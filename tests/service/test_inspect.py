"""The report says what is in the data: each figure against data whose figures are known by hand."""

import io
import json

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from serendip.cli import status
from serendip.config import Data
from serendip.data.dataset import Dataset
from serendip.data.tables import EVENT_SCHEMA, Tables
from serendip.errors import UserError
from serendip.service.ingest import ingest
from serendip.service.inspect import inspect, of_files, of_project, page, show
from serendip.service.inspect.figures import DAY, activity, resolution
from serendip.store.project import Project

NOW = 1_700_000_000_000


def dataset(rows, items=None, users=None):
    """Rows: (user, item, type, value, day)."""
    user, item, kind, value, at = zip(*rows, strict=True)
    events = pl.DataFrame(
        {
            "user_id": user,
            "item_id": item,
            "type": kind,
            "value": pl.Series(value, dtype=pl.Float64),
            "timestamp": [None if d is None else NOW - round((100 - d) * DAY) for d in at],
        }
    )
    tables = {"items": items, "users": users}
    return Dataset.of(Tables(events, **{k: v for k, v in tables.items() if v is not None}))


@pytest.fixture
def small():
    rows = [
        ("a", "x", "rating", 5, 1),
        ("a", "x", "rating", 3, 2),  # the pair again
        ("a", "y", "rating", 4, 3),
        ("b", "x", "view", None, 4),
        ("b", "x", "view", None, 4),  # the same event again
        ("b", "y", "view", None, 50),
        ("c", "x", "rating", 4, 60),
        ("c", "z", "rating", 4, 70),  # a cold user and a cold item
    ]
    items = pl.DataFrame(
        {"item_id": ["x", "y", "z", "w"], "title": ["X", None, "Z", "W"], "price": [1.0, 2.0, None, None]}
    )
    return dataset(rows, items, pl.DataFrame({"user_id": ["a", "d"], "age": [30, 40]}))


def test_shape_counts_pairs_once_and_active_apart(small):
    shape = inspect(small, now=NOW).shape
    assert (shape.events, shape.users, shape.items) == (8, 4, 4)
    assert (shape.active_users, shape.active_items, shape.pairs) == (3, 3, 6)
    assert shape.density == 6 / 9
    assert shape.events_by_type == {"rating": 5, "view": 3}


def test_time_is_relative_to_the_data_and_to_today(small):
    time = inspect(small, now=NOW).time
    assert time.days == 69
    assert time.age_days == 30
    assert time.last_30_days == 3 / 8
    assert time.until_today == 1 / 8
    assert sum(step.events for step in time.steps) == 8
    assert len(time.steps) == 70  # days without events too


def test_values_by_type(small):
    (rating,) = inspect(small, now=NOW).values
    assert (rating.type, rating.kind, rating.events, rating.missing, rating.mean) == ("rating", "rating", 5, 0, 4.0)
    assert {bar.at: bar.events for bar in rating.histogram} == {3: 1, 4: 3, 5: 1}


def test_quantities_are_binned_without_losing_any_between_the_quantiles():
    rows = [("u", f"i{n}", "purchase", n, 1) for n in range(1, 1001)]
    (value,) = inspect(dataset(rows), now=NOW).values
    assert value.kind == "quantity"
    assert value.width > 0
    assert 960 <= sum(bar.events for bar in value.histogram) <= 1000


def test_missing_values_by_column(small):
    missing = {(m.table, m.column): m.missing for m in inspect(small, now=NOW).missing}
    assert missing["events", "value"] == 3
    assert missing["events", "timestamp"] == 0
    assert missing["items", "title"] == 1
    assert missing["items", "price"] == 2
    assert missing["users", "age"] == 2  # b and c are not in the table


def test_duplicates(small):
    found = inspect(small, now=NOW).duplicates
    assert (found.identical, found.repeated_pairs, found.repeated_events) == (1, 2, 2)


def test_duplicates_without_times():
    rows = [("a", "x", "view", None, None)] * 3 + [("a", "y", "view", None, None)]
    report = inspect(dataset(rows), now=NOW)
    assert report.duplicates.identical == 2
    assert report.time is None
    assert any("No event has a time" in sentence for sentence in report.advice)


def test_cold_in_the_tables_and_under_the_default_split(small):
    cold = inspect(small, now=NOW).cold
    assert (cold.known_users, cold.known_items) == (1, 1)
    assert (cold.test_events, cold.test_users, cold.warm_users) == (2, 1, 0)
    assert (cold.test_items, cold.warm_items, cold.cold_events) == (2, 1, 2)


def test_activity_of_equal_and_of_one_sided_data():
    even = activity(np.repeat(np.arange(100, dtype=np.int32), 5), 120)
    assert (even.gini, even.few, even.top_10_percent) == (pytest.approx(0), 0, pytest.approx(0.1))
    one = activity(np.array([0] * 901 + list(range(1, 100)), np.int32), 100)
    assert one.top_1_percent == 0.901
    assert one.few == 99
    assert one.gini > 0.85
    assert [p.rank for p in one.tail][:2] == [1, 2]


@pytest.mark.parametrize(("unit", "name"), [(DAY, "day"), (60_000, "minute"), (1000, "second"), (1, "millisecond")])
def test_resolution(unit, name):
    assert resolution(np.array([7, 11, 13], np.int64) * unit) == name


def crowd(extra, n=200):
    rng = np.random.default_rng(0)
    rows = [
        (f"u{u}", f"i{i}", "rating", 1 + (u + i) % 5, d) for u in range(n) for i, d in enumerate(rng.uniform(0, 90, 9))
    ]
    return dataset(rows + extra)


def test_a_robot_is_named_and_a_large_order_is_not():
    minute = 1 / 1440
    robot = [("robot", f"i{i}", "rating", 1 + i % 5, 50 + i * minute / 200) for i in range(600)]
    order = [("buyer", f"i{i}", "rating", 1 + i % 5, 50) for i in range(600)]
    few = dataset([(f"u{u}", f"i{i}", "rating", i, u / 7 + i) for u in range(9) for i in range(5)])
    found = inspect(crowd(robot + order), now=NOW).suspects
    assert found.found["speed"] == 1
    assert next(s.user_id for s in found.named if s.rule == "speed") == "robot"
    assert sum(inspect(few, now=NOW).suspects.found.values()) == 0


def test_ratings_without_variance_need_fifty_of_them():
    same = [("flat", f"i{i}", "rating", 5, i) for i in range(50)]
    nearly = [("near", f"i{i}", "rating", 5, i) for i in range(49)]
    named = inspect(crowd(same + nearly), now=NOW).suspects.named
    assert [(s.user_id, s.rule) for s in named] == [("flat", "no variance")]
    assert "50 ratings, all 5" in named[0].because


def test_one_id_for_many_people_is_named_in_the_advice():
    guest = [("guest", f"i{i % 50}", "rating", 1 + i % 5, i / 10) for i in range(300)]
    report = inspect(crowd(guest), now=NOW)
    assert report.suspects.named[0].user_id == "guest"
    assert any("1 suspicious user" in sentence for sentence in report.advice)


def test_what_cannot_be_judged_is_said():
    views = dataset([("a", "x", "view", None, 1), ("b", "y", "view", None, 2)])
    assert inspect(views, now=NOW).suspects.unjudged == ("no variance: there are no ratings",)
    rated = dataset([("a", "x", "rating", 3, None), ("b", "y", "rating", 4, None)])
    assert inspect(rated, now=NOW).suspects.unjudged == ("speed: the events have no times",)


def test_quarantine_is_counted_by_reason_with_places(small):
    rows = [("f.csv", 9, "no user id"), ("f.csv", 4, "no user id"), ("f.csv", 5, "rating cannot be read")]
    bad = pl.DataFrame(rows, schema=["file", "line", "reason"], orient="row")
    report = inspect(small, now=NOW, quarantine=bad)
    assert report.quarantined == 3
    assert report.quarantine[0].reason == "no user id"
    assert [place.line for place in report.quarantine[0].examples] == [4, 9]
    assert "3 rows put aside (27.3%)" in report.advice[0]
    assert "f.csv line 4" in report.advice[0]


def test_items_that_look_like_no_product_come_with_the_line_to_paste():
    titles = {f"{10000 + i}": f"WARE {i}" for i in range(40)} | {"POST": "POSTAGE"}
    rows = [("a", item, "purchase", 1, 1 + n) for n, item in enumerate(titles)]
    data = dataset(rows, pl.DataFrame({"item_id": list(titles), "title": list(titles.values())}))
    report = inspect(data, now=NOW)
    assert [i.item_id for i in report.no_product] == ["POST"]
    assert any('exclude_items = ["POST"]' in sentence for sentence in report.advice)
    assert not inspect(data, now=NOW, settings=Data(exclude_items=["POST"])).no_product


def test_a_catalogue_numbered_from_one_is_all_products():
    rows = [("a", str(i), "view", None, 1) for i in range(1, 500)]
    assert not inspect(dataset(rows), now=NOW).no_product


def test_nothing_at_all_is_a_report_too():
    report = inspect(Dataset.of(Tables(EVENT_SCHEMA.to_frame())), now=NOW)
    assert report.shape.events == 0
    assert report.users is None
    assert report.advice == ("There are no events: give a file with a user and an item in each row.",)
    assert "Data report" in page(report)
    json.loads(report.as_json())


def test_json_is_the_report_under_the_names_of_its_fields(small):
    report = inspect(small, now=NOW)
    plain = json.loads(report.as_json())
    assert list(plain) == list(report.__dataclass_fields__)
    assert plain["shape"]["pairs"] == 6
    assert plain["values"][0]["histogram"][0] == {"at": 3.0, "events": 1}


def test_text_is_plain_where_it_is_piped(small):
    piped, terminal = io.StringIO(), io.StringIO()
    report = inspect(small, now=NOW)
    show(report, Console(file=piped))
    show(report, Console(file=terminal, force_terminal=True))
    assert "\x1b" not in piped.getvalue()
    assert "\x1b" in terminal.getvalue()
    assert "66.667% of all pairs" in piped.getvalue()
    assert not any(line.endswith(" ") for line in piped.getvalue().splitlines())
    for sentence in report.advice:
        assert f"- {sentence}\n" in piped.getvalue()  # in one line, to be copied


def test_the_page_stands_alone_and_escapes_what_the_data_says(small):
    report = inspect(small, now=NOW, name="<script>alert(1)</script>")
    text = page(report)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert text.count("<svg") >= 4
    for outward in ("src=", "@import", "url(", "<link", 'href="http'):
        assert outward not in text


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "ratings.csv"
    rows = [f"u{n % 7},i{n % 11},{1 + n % 5},{1_600_000_000 + n * 5000}" for n in range(300)]
    path.write_text("\n".join(["user_id,item_id,rating,timestamp", *rows, ",i1,3,1600000000"]) + "\n")
    return path


def test_files_are_looked_at_without_a_project(csv, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report, read = of_files([csv], now=NOW)
    assert (report.shape.events, report.quarantined, read[0].rows) == (300, 1, 301)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ratings.csv"]


def test_the_project_says_the_same_as_the_file(csv, tmp_path, capsys):
    project = Project(tmp_path / "shop")
    with project.store() as store:
        ingest(store, [csv])
    report = of_project(project, now=NOW)
    assert report.shape == of_files([csv], now=NOW)[0].shape
    assert status(["inspect", "--project", str(project.root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shape"]["events"] == 300


def test_no_project_is_one_clear_sentence(tmp_path):
    with pytest.raises(UserError, match="serendip ingest FILE"):
        of_project(Project(tmp_path / "none"))


def test_the_command_writes_the_page(csv, tmp_path, capsys):
    html = tmp_path / "report.html"
    assert status(["inspect", str(csv), "--html", str(html)]) == 0
    assert html.read_text(encoding="utf-8").startswith("<!doctype html>")
    out = capsys.readouterr()
    assert "What to do" in out.out
    assert "taken for" in out.err


def test_items_without_a_file_of_events_are_refused(csv, capsys):
    assert status(["inspect", "--items", str(csv)]) == 1
    assert "name it" in capsys.readouterr().err
