"""`serendip tune` and `serendip train --auto` from the command line: what they say, what they write, how they stop."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from serendip.config import read

P = ("--project", "project")
BEGUN = "from serendip.cli import main; main()"


def test_the_best_is_written_and_train_uses_it(shop, inside, answer):
    done = inside("tune", "itemknn", "--trials", 12, "--save", *P)
    assert done.returncode == 0
    assert "Tuning itemknn by ndcg@10" in done.stderr and "1/12" in done.stderr and "the default" in done.stderr
    assert "would choose it again in" in done.stdout and "As many trials again would likely add" in done.stdout
    told = answer("tune", "itemknn", "--trials", 12, *P)  # nothing is left to try
    assert len(told["trials"]) == 12 and told["trials"][0]["settings"]["neighbours"] == 50
    saved = read(Path("project/serendip.toml")).training.hyperparameters
    if told["changed"]:
        assert "as users without a say would see it" in done.stdout and "is written" in done.stdout
        assert saved["itemknn"]
        version = answer("train", "itemknn", *P)["model"]
        card = json.loads((Path("project/models") / version / "model.json").read_text())["about"]
        assert card["hyperparameters"] == told["hyperparameters"]
    else:
        assert "Nothing beats" in done.stdout and "itemknn" not in saved


def test_the_test_part_of_compare_is_not_seen(shop, answer):
    before = answer("tune", "itemknn", "--trials", 2, *P)
    assert before["n_users"] <= answer("compare", "--algorithms", "popular", *P)["n_test_users"] + 240
    assert answer("tune", "itemknn", "--trials", 2, *P)["best"] == before["best"]


def test_few_trials_do_not_tell_what_more_would_add(shop, inside):
    said = inside("tune", "ease", "--trials", 1, *P).stdout
    assert "choose it again in 100% of draws" in said and "It takes 8 trials to tell what more would add." in said


def test_ctrl_c_stops_at_once_and_a_second_call_goes_on(shop, inside):
    command = [sys.executable, "-c", BEGUN, "tune", "itemknn", "--trials", "4000", *P]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(8)]
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, rest = process.communicate(timeout=60)
    assert process.returncode == 130 and time.monotonic() - began < 30
    assert "the same command goes on from here" in rest
    n = sum("best" in line for line in [*lines, *rest.splitlines()])
    again = inside("tune", "itemknn", "--trials", n + 1, *P)
    assert again.returncode == 0 and f"Going on after {n}" in again.stderr


def test_an_automatic_choice_is_published(shop, inside, answer):
    told = answer("train", "--auto", "--minutes", 0.15, "--algorithms", "itemknn,ease", *P)
    card = json.loads((Path("project/models") / told["model"] / "model.json").read_text())["about"]
    assert card["algorithm"] == told["algorithm"] and card["report"]["split"]
    assert told["auto"]["results"][0]["metrics"]["ndcg@10"]["mean"] > 0
    assert answer("recommend", "u14", *P)["model"] == told["model"]
    listed = answer("models", *P)[0]
    assert (listed["version"], listed["metric"]) == (told["model"], "ndcg@10") and listed["value"] > 0


def test_wrong_usage_is_one_sentence(shop, inside):
    for given, said in (
        (("train",), "name one algorithm"),
        (("train", "als", "--auto"), "name one algorithm"),
        (("train", "als", "--algorithms", "als"), "--algorithms and --metric with --auto"),
        (("train", "als", "--metric", "rmse"), "--algorithms and --metric with --auto"),
        (("train", "--auto", "--metric", "logloss"), "logloss is of labels, and the withheld part has none"),
        (("tune", "popular"), "nothing to tune"),
        (("tune", "alss"), "there is no algorithm 'alss'"),
    ):
        done = inside(*given, *P)
        assert done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1, done.stderr
