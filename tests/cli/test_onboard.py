"""`serendip onboard`: questions at the terminal, and where there are none."""

import io
import json
from pathlib import Path

import polars as pl
import pytest

from serendip.checks.toys import planted
from serendip.cli import status
from serendip.data.tables import Tables
from serendip.store.project import Project


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of ratings whose items have genres, trained."""
    monkeypatch.chdir(tmp_path)
    data = planted().data
    assert data.value is not None and data.item_features is not None
    events = pl.DataFrame({
        "user_id": data.users.take(data.user), "item_id": data.items.take(data.item),
        "value": data.value.astype("float64"), "timestamp": data.timestamp, "type": ["rating"] * len(data),
    })  # fmt: skip
    items = data.item_features.with_columns(item_id=data.items.series)
    with Project(tmp_path).store() as store:
        store.add(Tables(events, items))
    Path("serendip.toml").write_text('[onboarding]\nabout = "both"\nworth = 0.0\nquestions = 6\n')
    assert status(["train", "popular"]) == 0
    return tmp_path


def test_answers_are_asked_for_until_enough(films: Path, monkeypatch: pytest.MonkeyPatch,
                                            capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO("y\nperhaps\nn\n\ny\nn\ny\n"))
    assert status(["onboard"]) == 0
    out = capsys.readouterr().out
    assert "6. Do you like" in out and "7. Do you like" not in out
    assert "Please answer y or n" in out and "6 questions are enough." in out


def test_the_end_of_the_input_is_enough(films: Path, monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert status(["onboard"]) == 0
    assert "2. Do you like" not in capsys.readouterr().out


def test_tags_alone_are_asked_about_where_the_settings_say_so(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("serendip.toml").write_text('[onboarding]\nabout = "tags"\n')
    capsys.readouterr()
    assert status(["onboard", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["questions"][0]["about"] == "tag" and made["questions"][0]["id"].startswith("genre ")


def test_an_unknown_item_is_said(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["onboard", "--like", "i9999"]) == 1
    assert "no item has the id 'i9999'" in capsys.readouterr().err


def test_a_model_without_questions_says_so(films: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("serendip.toml").write_text("[onboarding]\nquestions = 0\n")
    assert status(["train", "popular"]) == 0
    capsys.readouterr()
    assert status(["onboard"]) == 1
    assert "was trained without questions: set [onboarding] questions above 0" in capsys.readouterr().err
