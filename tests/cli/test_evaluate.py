"""`serendip evaluate`, by the form that the design fixes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serendip.cli import status

TRAIN = "user_id,item_id,value\na,p,5\nb,p,4\nc,p,1\na,q,2\nb,q,3\nc,r,5\n"
TEST = "user_id,item_id,value\na,r,4\nc,q,2\nd,p,5\nd,new,1\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("train.csv").write_text(TRAIN)
    Path("test.csv").write_text(TEST)
    return tmp_path


def run(capsys, *arguments, algorithm="popular", metrics="recall@1"):
    """Return the status, standard output and standard error of a call on train.csv and test.csv."""
    given = ["--train", "train.csv", "--test", "test.csv", "--algorithm", algorithm, "--metrics", metrics, *arguments]
    code = status(["evaluate", *given])
    said = capsys.readouterr()
    return code, said.out, said.err


def answered(capsys, *arguments, **named):
    code, out, err = run(capsys, *arguments, "--json", **named)
    assert code == 0, err
    return json.loads(out)["results"]


def test_the_answer_has_the_form_that_is_fixed(folder, capsys):
    (result,) = answered(capsys, metrics="recall@1,hr@2")
    assert list(result) == [
        "algorithm", "hyperparameters", "metrics", "n_users", "fit_seconds", "evaluate_seconds", "peak_memory_mb",
    ]  # fmt: skip
    assert result["algorithm"] == "popular"
    assert result["hyperparameters"] == {}
    assert list(result["metrics"]) == ["recall@1", "hr@2"]
    assert result["metrics"]["recall@1"]["mean"] == pytest.approx((1 + 1 + 0.5) / 3)
    low, high = result["metrics"]["recall@1"]["ci95"]
    assert 0.5 <= low <= result["metrics"]["recall@1"]["mean"] <= high <= 1
    assert result["n_users"] == 3


def test_algorithms_are_answered_in_their_order_with_what_was_set(folder, capsys):
    first, second = answered(capsys, "--set", "ease.l2=7.5", algorithm="ease,popular")
    assert (first["algorithm"], second["algorithm"]) == ("ease", "popular")
    assert first["hyperparameters"] == {"l2": 7.5}


def test_the_same_seed_gives_the_same_numbers(folder, capsys):
    one, two = (
        answered(capsys, "--seed", "3", "--set", "als.rank=2", algorithm="als", metrics="ndcg@3,hr@1")[0]["metrics"]
        for _ in range(2)
    )
    assert one == two


def test_items_of_the_history_come_again_where_they_are_kept(folder, capsys):
    Path("test.csv").write_text("user_id,item_id\na,p\n")
    assert answered(capsys)[0]["metrics"]["recall@1"]["mean"] == 0
    assert answered(capsys, "--keep-seen")[0]["metrics"]["recall@1"]["mean"] == 1


def test_groups_of_users_are_answered_where_they_are_asked_for(folder, capsys):
    Path("users.csv").write_text("user_id,city\na,Ulm\nd,Ulm\n")
    (result,) = answered(capsys, "--users", "users.csv", "--by", "city")
    assert list(result["groups"]) == ["Ulm", "(missing)"]
    assert result["groups"]["Ulm"]["n_users"] == 2
    assert result["groups"]["Ulm"]["metrics"]["recall@1"]["mean"] == pytest.approx((1 + 0.5) / 2)
    assert result["groups"]["(missing)"]["metrics"]["recall@1"]["mean"] == 1
    code, out, _ = run(capsys, "--users", "users.csv", "--by", "city")
    assert code == 0 and "city Ulm: 2 users" in out and "city (missing): 1 user " in out
    code, _, err = run(capsys, "--by", "city")
    assert code == 1 and "no such column; did you mean 'history'?" in err


def test_rows_weigh_one_unless_weighted(folder, capsys):
    Path("train.csv").write_text("user_id,item_id,value\na,p,1\nb,p,1\nc,q,9\n")
    Path("test.csv").write_text("user_id,item_id\nd,q\n")
    assert answered(capsys)[0]["metrics"]["recall@1"]["mean"] == 0
    assert answered(capsys, "--weighted")[0]["metrics"]["recall@1"]["mean"] == 1


def test_candidates_and_history_are_read(folder, capsys):
    Path("candidates.csv").write_text("user_id,item_id\na,r\na,q\nd,q\nd,p\n")
    Path("history.csv").write_text("user_id,item_id\na,q\nd,p\n")
    Path("test.csv").write_text("user_id,item_id\na,r\nd,q\n")
    (result,) = answered(capsys, "--candidates", "candidates.csv", "--history", "history.csv")
    assert result["metrics"]["recall@1"]["mean"] == 1


def test_items_bring_what_is_new(folder, capsys):
    Path("items.csv").write_text("item_id,genres\np,war|sea\nq,love\nr,love\nnew,war|sea\n")
    Path("train.csv").write_text("user_id,item_id\na,p\nb,q\nc,r\n")
    Path("test.csv").write_text("user_id,item_id\na,new\n")
    content, popular = answered(capsys, "--items", "items.csv", algorithm="content,popular")
    assert content["metrics"]["recall@1"]["mean"] == 1
    assert popular["metrics"]["recall@1"]["mean"] == 0


def test_ratings_are_predicted(folder, capsys):
    (result,) = answered(capsys, "--set", "svd.epochs=3", algorithm="svd", metrics="rmse,mae,mse")
    means = {name: m["mean"] for name, m in result["metrics"].items()}
    assert means["rmse"] == pytest.approx(means["mse"] ** 0.5)
    assert 0 < means["mae"] <= means["rmse"] < 4


def test_a_number_that_is_none_is_null(folder, capsys):
    (result,) = answered(capsys, metrics="coverage@1,auc")
    assert result["metrics"]["coverage@1"]["ci95"] == [None, None]


def test_fewer_threads_change_nothing(folder, capsys):
    given = ["--train", "train.csv", "--test", "test.csv", "--algorithm", "als", "--set", "als.rank=2", "--json"]
    code = "from serendip.cli import main; main()"
    call = [sys.executable, "-c", code, "evaluate", *given, "--metrics", "recall@1", "--threads", "1"]
    alone = json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)["results"]
    assert alone[0]["metrics"] == answered(capsys, "--set", "als.rank=2", algorithm="als")[0]["metrics"]


def test_without_json_a_table(folder, capsys):
    code, out, _ = run(capsys, algorithm="popular,ease", metrics="recall@1,coverage@1")
    assert code == 0
    assert "popular" in out and "recall@1" in out and "users without history" in out
    assert "ease is not beyond doubt above popular" in out


@pytest.mark.parametrize(
    ("given", "named", "said"),
    [
        ([], {"algorithm": "esae"}, "there is no algorithm 'esae'; did you mean 'ease'?"),
        ([], {"metrics": "recal@10"}, "unknown metric 'recal@10'; did you mean 'recall'?"),
        ([], {"metrics": "recall"}, "'recall' needs a cutoff"),
        (["--set", "als.rang=3"], {"algorithm": "als"}, "als has no hyperparameter 'rang'; did you mean 'rank'?"),
        (["--set", "als.rank=big"], {"algorithm": "als"}, "als.rank is of type int"),
        (["--set", "ease.l2=3"], {"algorithm": "als"}, "ease is not among the algorithms"),
        (["--set", "l2=3"], {"algorithm": "als"}, "a setting is written NAME.field=value"),
        ([], {"algorithm": "als", "metrics": "rmse"}, "als predicts no values and cannot give rmse"),
        ([], {"algorithm": "popular", "metrics": "rmse"}, "popular predicts no values and cannot give rmse"),
        ([], {"metrics": "logloss"}, "logloss needs the column 'label' (1 or 0) and test.csv has none"),
        (["--history", "gone.csv"], {}, "there is no file gone.csv"),
        ([], {"algorithm": "trending"}, "trending needs timestamps"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(folder, capsys, given, named, said):
    code, out, err = run(capsys, *given, **named)
    assert code == 1
    assert said in err
    assert err.count("\n") == 1
    assert out == ""


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_ctrl_c_ends_it_at_once(tmp_path):
    rows = "".join(f"u{u},i{(u * 7 + n * n) % 3000}\n" for u in range(3000) for n in range(30))
    (tmp_path / "train.csv").write_text("user_id,item_id\n" + rows)
    call = ["evaluate", "--train", "train.csv", "--test", "train.csv", "--keep-seen", "--algorithm", "als"]
    slow = ["--set", "als.rank=512", "--set", "als.epochs=200"]  # minutes
    process = subprocess.Popen(
        [sys.executable, "-c", "from serendip.cli import main; main()", *call, *slow], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    time.sleep(1.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
    assert out == ""
    assert "Traceback" not in err


DATA = os.environ.get("SERENDIP_DATA")


@pytest.mark.skipif(DATA is None, reason="SERENDIP_DATA is not set: the published splits are not at hand")
@pytest.mark.parametrize(
    ("name", "metrics", "published"),
    [
        ("lightgcn-gowalla", "recall@20,ndcg@20", (0.0416, 0.0317)),
        ("ncf-ml-1m", "hr@10,ndcg@10", (0.4533, 0.2542)),
    ],
)
def test_popularity_scores_what_is_published(tmp_path, monkeypatch, capsys, name, metrics, published):
    from serendip.data.catalogue import load_split

    monkeypatch.chdir(tmp_path)
    found = load_split(name, offline=True)
    extra = []
    for part, frame in (("train", found.train.events), ("test", found.test.events)):
        frame.select("user_id", "item_id").write_csv(f"{part}.csv")
    if found.candidates is not None:
        found.candidates.write_csv("candidates.csv")
        extra = ["--candidates", "candidates.csv"]
    (result,) = answered(capsys, *extra, metrics=metrics)
    for metric, value in zip(metrics.split(","), published, strict=True):
        assert result["metrics"][metric]["mean"] == pytest.approx(value, abs=3e-4)
