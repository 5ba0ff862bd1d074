"""One is one: a printed number and its noun agree."""

import re

import pytest

from serendip.plural import counted

ONE = re.compile(r"(?<![\d.,@])1 (?:new )?(users|items|events|rows|models|reports|trials|numbers|slates|days)\b")
COMMANDS = (
    "ingest one.csv", "inspect", "train popular", "generate", "doctor", "backup b", "restore b --yes", "run one.csv",
    "plan one.csv --algorithm popular", "erase ann",
)  # fmt: skip


@pytest.mark.parametrize(
    ("n", "words", "said"),
    [(0, ["user"], "0 users"), (1, ["user"], "1 user"), (1234, ["row is", "rows are"], "1,234 rows are")],
)
def test_a_noun_follows_its_number(n, words, said):
    assert counted(n, *words) == said


def test_no_command_says_one_users(tmp_path, monkeypatch, inside):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.csv").write_text("user_id,item_id,type\nann,tea,view\n,tea,view\n")
    said = {given: inside(*given.split()).stdout for given in COMMANDS}
    assert "1 event of 1 user and 1 item; 1 row is in quarantine" in said["ingest one.csv"]
    assert all(said.values())
    assert [found for text in said.values() if (found := ONE.search(text))] == []
    (tmp_path / "two.csv").write_text("user_id,item_id\nbob,tea\n")
    assert inside("ingest", "two.csv").returncode == 0
    nothing = inside("generate", "--output", "slates.csv").stderr
    assert nothing.startswith("serendip: there is nothing to write to slates.csv: no user has an item left")
