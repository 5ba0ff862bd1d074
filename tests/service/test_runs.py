"""A run's directory is enough to make the run again; what has changed since is said."""

import json
from pathlib import Path

import pytest

from serendip.errors import UserError
from serendip.service.runs import numbers, reproduce

P = ("--project", "project")


def newest(folder: str = "project") -> Path:
    return max((Path(folder) / "runs").iterdir())


def test_compare_train_and_tune_can_be_made_again(shop, inside, answer):
    assert answer("compare", "--algorithms", "popular,itemknn", *P)["primary"] == "ndcg@10"
    compared = newest()
    about = json.loads((compared / "run.json").read_text())
    assert about["command"] == "compare" and about["data"] and about["seed"] == 0
    assert about["split"]["split"] == "time" and about["versions"]["numpy"]
    found = reproduce(compared)
    assert found.same > 20 and not found.different and not found.versions
    answer("train", "als", "--set", "rank=8", *P)
    assert not reproduce(newest()).different
    answer("tune", "itemknn", "--trials", 3, *P)
    tuned = newest()
    assert reproduce(tuned).same == 3
    text = inside("reproduce", tuned)
    assert text.returncode == 0 and "tune: 3 numbers are the same again." in text.stdout
    assert inside("reproduce", tuned.name, *P).stdout == text.stdout == inside("reproduce", *P).stdout
    for given, said in (
        (["reproduce", "tuned", *P], "'tuned' is neither a run of project nor the directory of one; known: 2"),
        (["reproduce", "project"], "'project' is neither a run of ."),
        (["reproduce"], "has no run yet"),
    ):
        failed = inside(*given)
        assert failed.returncode == 1 and said in failed.stderr


def test_another_number_and_other_data_are_said(shop, inside, answer):
    answer("compare", "--algorithms", "popular,itemknn", *P)
    run = newest()
    report = json.loads((run / "report.json").read_text())
    report["results"][0]["metrics"]["ndcg@10"]["mean"] += 0.01
    (run / "report.json").write_text(json.dumps(report))
    done = inside("reproduce", run)
    assert done.returncode == 1 and "1 of" in done.stderr and "ndcg@10/mean" in done.stdout
    Path("more.csv").write_text("user_id,item_id,type,timestamp\nu1,i1,purchase,1700000000000\n")
    inside("ingest", "more.csv", *P)
    with pytest.raises(UserError, match="data is not what it was"):
        reproduce(run)
    with pytest.raises(UserError, match="no run's directory"):
        reproduce(Path("project"))
    (run / "report.json").write_text("{")
    with pytest.raises(UserError, match=r"report\.json is not as a run leaves it"):
        reproduce(run)


def test_a_run_that_was_moved_is_made_again_on_the_project_that_is_named(shop, inside, answer):
    answer("train", "itemknn", *P)
    newest().rename("elsewhere")
    done = inside("reproduce", "elsewhere", *P)
    assert done.returncode == 0 and "train: 3 numbers are the same again." in done.stdout


def test_an_evaluation_of_files(shop, inside):
    rows = Path("events.csv").read_text().splitlines()
    Path("a.csv").write_text("\n".join(rows[:1200]) + "\n")
    Path("b.csv").write_text("\n".join([rows[0], *rows[1200:]]) + "\n")
    given = ("evaluate", "--train", "a.csv", "--test", "b.csv", "--algorithm", "popular,itemknn", "--by", "history",
             "--keep", "kept")  # fmt: skip
    assert inside(*given).returncode == 0
    assert not (made := reproduce(Path("kept"))).different and made.same > 2 * 2 * 5  # the numbers of groups too
    again = inside(*given)
    assert "kept is not empty" in again.stderr and "Warning" not in again.stderr  # before any work
    Path("b.csv").write_text("\n".join([rows[0], *rows[1201:]]) + "\n")
    with pytest.raises(UserError, match="not what they were"):
        reproduce(Path("kept"))


def test_old_runs_and_models_go(shop, answer):
    Path("project/serendip.toml").write_text("[training]\nkeep = 2\n")
    first = answer("train", "popular", *P)["model"]
    for l2 in (10, 20, 30):
        last = answer("train", "ease", "--set", f"l2={l2}", *P)["model"]
    models = sorted(d.name for d in Path("project/models").iterdir() if d.is_dir())
    assert len(models) == 2 and last in models and first not in models
    assert len(list(Path("project/runs").iterdir())) == 2


def test_times_are_no_numbers_to_compare():
    found = numbers({"results": [{"algorithm": "als", "fit_seconds": 3.0, "metrics": {"a": 1}}], "ok": True})
    assert found == {"results/als/metrics/a": 1.0}
