"""The main job: a second run changes nothing, each step is kept, an interruption costs no more than its step."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serendip.cli import status
from serendip.config import read
from serendip.service.open import opened
from serendip.service.slate import slate
from serendip.store.store import Store

RUN = ["run", "events.csv", "--items", "items.csv", "--users", "users.csv", "--algorithms", "popular,itemknn,ease",
       "--project", "project"]  # fmt: skip


def stamps(folder):
    """Return when each file of the models and of what was compared was written."""
    return {path: path.stat().st_mtime_ns for part in ("models", "reports/compared")
            for path in (Path(folder) / part).rglob("*") if path.is_file() and path.name != "current"}  # fmt: skip


def slates(folder):
    with Store.open(Path(folder) / "serendip.db", create=False) as store:
        return [store.recommendations(user) for user in range(len(store.users()))], store.counts()


def test_a_second_run_changes_nothing(shop, answer):
    before, files = slates("project"), stamps("project")
    board = json.loads(Path("project/reports/leaderboard.json").read_text())
    ran = answer(*RUN)
    assert [one["unchanged"] for one in ran["ingested"]] == [True, True, True]
    assert slates("project") == before
    assert stamps("project") == files
    assert ran["comparison"] == board
    assert before[1].events == 240 * 7 and before[1].recommended == 240
    assert board["chosen"] == "itemknn"


def test_what_was_compared_is_not_measured_again_and_figures_are_the_same(shop, answer):
    board = json.loads(Path("project/reports/leaderboard.json").read_text())
    kept = sorted(Path("project/reports/compared").iterdir())
    assert len(kept) == 3
    kept[0].unlink()
    given = ["compare", "--project", "project", "--algorithms", "popular,itemknn,ease"]
    again = answer(*given)
    times = ("fit_seconds", "evaluate_seconds", "peak_memory_mb")
    for ours, theirs in zip(again["results"], board["results"], strict=True):
        measured = kept[0].name.startswith(ours["algorithm"])
        assert {n: v for n, v in ours.items() if n not in times} == {n: v for n, v in theirs.items() if n not in times}
        assert measured or ours == theirs
    assert kept[0].exists()


@pytest.mark.parametrize("rot", [b"", b"garbage", "half", "flip"])
def test_a_damaged_kept_report_is_measured_again(shop, answer, rot):
    given = ["compare", "--project", "project", "--algorithms", "popular,itemknn"]
    whole = answer(*given)
    (path,) = Path("project/reports/compared").glob("itemknn-*")
    body = bytearray(path.read_bytes())
    if rot == "flip":
        chance = random.Random(5)
        for _ in range(40):
            body[chance.randrange(len(body))] ^= 255
    path.write_bytes(body[: len(body) // 2] if rot == "half" else body if rot == "flip" else rot)
    again = answer(*given)
    assert [r["metrics"] for r in again["results"]] == [r["metrics"] for r in whole["results"]]
    assert again["chosen"] == whole["chosen"]


def test_what_a_run_was_given_is_kept_in_its_settings(prepared, tmp_path, monkeypatch, answer):
    rows = (prepared / "events.csv").read_text().replace("user_id,item_id", "who_paid,what_for")
    (tmp_path / "odd.csv").write_text(rows)
    monkeypatch.chdir(tmp_path)
    given = ["--algorithms", "popular", "--project", "deep/down"]
    first = answer("run", "odd.csv", "--user", "who_paid", "--item", "what_for", *given)
    assert first["ingested"][0]["new_events"] == 240 * 7
    data = read(Path("deep/down/serendip.toml")).data
    assert data.files == ["../../odd.csv"]
    assert data.columns == {"user": "who_paid", "item": "what_for"}
    again = answer("run", *given)
    assert again["ingested"][0]["unchanged"]
    assert again["model"] == first["model"]


def test_more_rows_are_more_events_and_a_new_model(shop, answer):
    with open("events.csv", "a") as out:
        out.write("late,i5,purchase,1713000000000\nlate,i6,purchase,1713000000001\n")
    version = Path("project/models/current").read_text()
    ran = answer(*RUN)
    assert (ran["ingested"][0]["new_events"], ran["ingested"][0]["repeated_events"]) == (2, 240 * 7)
    assert ran["users_with_slates"] == 241
    assert ran["model"] != version.strip()


def test_a_name_that_is_wrong_is_told_before_a_file_is_read(shop, inside):
    done = inside("run", "events.csv", "--algorithms", "esae", "--project", "new")
    assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean 'ease'?" in done.stderr
    assert not Path("new").exists()


def test_without_a_file_it_says_what_to_name(shop, inside):
    done = inside("run", "--project", "new")
    assert done.returncode == 1
    assert "name a file of events" in done.stderr


def test_reports_are_valid_json_and_whole_pages(shop):
    board = json.loads(Path("project/reports/leaderboard.json").read_text(), parse_constant=lambda text: 1 / 0)
    assert [row["algorithm"] for row in board["results"]][-1] == "popular"
    json.loads(Path("project/reports/data.json").read_text(), parse_constant=lambda text: 1 / 0)
    for page in ("data.html", "leaderboard.html"):
        text = Path("project/reports", page).read_text()
        assert text.rstrip().endswith("</html>") and f"made {datetime.now(UTC):%Y-%m-}" in text


def test_the_page_of_the_leaderboard_tells_who_is_chosen_and_each_figure(shop):
    board = json.loads(Path("project/reports/leaderboard.json").read_text())
    page = Path("project/reports/leaderboard.html").read_text()
    assert f"Chosen: {board['chosen']}: ndcg@10 +" in page and "corrected for 2 models" in page
    assert page.count("<svg") == 1 and "dashed line: popular" in page and "<script" not in page
    for row in board["results"]:
        main, recall = row["metrics"]["ndcg@10"], row["metrics"]["recall@10"]
        cells = f"{main['mean']:.4f} ({main['ci95'][0]:.4f} to {main['ci95'][1]:.4f})", f"{recall['mean']:.4f}"
        assert all(f">{cell}</td>" in page for cell in (row["algorithm"], *cells))


def test_items_that_are_left_out_are_neither_learned_nor_shown(shop):
    left_out = "i25"
    settings = Path("project/serendip.toml")
    settings.write_text(settings.read_text().replace("exclude_items = []", f"exclude_items = ['{left_out}']"))
    live = opened(Path("project"))
    assert left_out not in {item.item_id for item in slate(live, "u14", 60).items}
    live.store.close()
    assert status(RUN) == 0
    shown, _ = slates("project")
    assert all(one.item_id != left_out for row in shown for one in row)


def test_the_goal_of_sales_counts_purchases_alone(shop, answer):
    with open("views.csv", "w") as out:
        out.write("user_id,item_id,type,timestamp\n")
        out.writelines(f"u{n},i{n % 60},view,{1_712_000_000_000 + n}\n" for n in range(240))
    assert status(["ingest", "views.csv", "--project", "project"]) == 0
    counted = {}
    for goal in ("engagement", "sales"):
        Path("project/serendip.toml").write_text(f"[objective]\ngoal = '{goal}'\n[evaluation]\nsplit = 'last-share'\n")
        counted[goal] = answer("compare", "--project", "project", "--algorithms", "popular")["n_test_users"]
    assert counted["sales"] < counted["engagement"]
