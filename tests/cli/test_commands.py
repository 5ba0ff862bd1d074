"""Each command on the small shop, for people and as JSON."""

import json
from pathlib import Path

import polars as pl
import pytest

from serendip.cli import status
from serendip.store.project import Project

P = ("--project", "project")


def test_recommend(shop, inside, answer):
    slate = answer("recommend", "u14", "-k", 3, *P)
    assert list(slate) == ["items", "model", "pipeline", "request_id", "user_id", "known", "degraded", "history",
                           "timings_ms"]  # fmt: skip
    text = inside("recommend", "u14", "-k", "3", *P).stdout
    assert text.startswith("User u14, last: Thing ")
    for item in slate["items"]:
        assert item["item_id"] in text and item["title"] in text and item["reason"] in text


def test_recommend_a_newcomer(shop, inside, answer):
    slate = answer("recommend", "--history", "i30, i31", *P)
    assert [item["title"][-1] for item in slate["items"][:4]] == ["3"] * 4
    assert inside("recommend", "--history", "i30,i31", *P).stdout.startswith("A newcomer")
    assert inside("recommend", "--item", "i20", *P).stdout.startswith("On the page of i20\n")
    nobody = inside("recommend", "nobody", *P).stdout
    assert nobody.startswith("User nobody, nobody we know: what a newcomer gets")
    assert answer("recommend", "--history", "", *P)["items"] == answer("recommend", "nobody", *P)["items"]


def test_similar(shop, inside, answer):
    like = answer("similar", "i20", "-k", 2, *P)
    assert [item["title"][-1] for item in like["items"]] == ["2", "2"]
    text = inside("similar", "i20", "-k", 2, *P).stdout
    assert text.startswith("Like Thing 20 of taste 2 (i20):")
    assert all(item["title"] in text for item in like["items"])


def test_explain(shop, inside, answer):
    told = answer("explain", "u14", "i25", *P)
    assert sum(part["weight"] for part in told["contributions"]) == pytest.approx(told["score"], rel=1e-4)
    text = inside("explain", "u14", "i25", *P).stdout
    assert f"score {told['score']:.4f}" in text and told["contributions"][0]["title"] in text
    assert told["left_out"] is None and "slates" not in text


def test_explain_says_what_no_slate_can_hold(shop, inside, answer):
    had = answer("recommend", "u14", *P)["history"][0]["item_id"]
    assert answer("explain", "u14", had, *P)["left_out"] == "in the history already"
    text = inside("explain", "u14", had, *P).stdout
    assert "\nIt is in none of their slates now: in the history already.\n" in text
    rule = ["rules", "put", "dear", "--kind", "exclude", "--when", "price > 25", *P]
    assert status(rule) == 0
    assert answer("explain", "u14", "i25", *P)["left_out"] == "by the rule 'dear'"
    assert status(["rules", "put", "first", "--kind", "pin", "--item", "i25", "--position", "1", *P]) == 0
    stands = answer("recommend", "u14", *P)["items"][0]["item_id"] == "i25"
    assert stands and answer("explain", "u14", "i25", *P)["left_out"] is None
    Path("project/serendip.toml").write_text("[data]\nexclude_items = ['i26']\n")
    assert "left out of the project" in answer("explain", "u14", "i26", *P)["left_out"]


def test_train_twice_is_one_model(shop, inside, answer):
    first = answer("train", "ease", "--set", "l2=77", *P)
    assert first["algorithm"] == "ease"
    assert answer("train", "ease", "--set", "l2=77", *P) == first
    assert first["model"] in inside("train", "ease", "--set", "l2=77", *P).stdout
    assert answer("recommend", "u14", *P)["model"] == first["model"]
    assert answer("train", "ease", "--set", "l2=78", *P)["model"] != first["model"]


def test_train_takes_what_the_settings_say(shop, answer):
    Path("project/serendip.toml").write_text("[training.hyperparameters.ease]\nl2 = 55.5\n")
    version = answer("train", "ease", *P)["model"]
    card = json.loads((Path("project/models") / version / "model.json").read_text())["about"]
    assert card["hyperparameters"] == {"l2": 55.5}


@pytest.mark.parametrize("form", ["csv", "parquet", "jsonl"])
def test_generate(shop, inside, answer, form):
    made = answer("generate", "-k", 4, "--output", f"slates.{form}", *P)
    assert made["users"] == 240 and made["rows"] == 240 * 4
    reader = {"csv": pl.read_csv, "parquet": pl.read_parquet, "jsonl": pl.read_ndjson}[form]
    read = reader(f"slates.{form}")
    assert read.columns == ["user_id", "position", "item_id", "title", "score", "reason"]
    mine = read.filter(pl.col("user_id") == "u14")
    slate = answer("recommend", "u14", "-k", 4, *P)["items"]
    assert mine["item_id"].to_list() == [item["item_id"] for item in slate]
    assert mine["reason"].to_list() == [item["reason"] for item in slate]
    assert "240 users have a slate" in inside("generate", *P).stdout
    with Project(Path("project")).store() as store:
        store.opt_out("u14")
    assert answer("generate", "-k", 4, "--output", f"slates.{form}", *P)["users"] == 239
    assert "u14" not in reader(f"slates.{form}")["user_id"].to_list()


def test_generate_makes_the_slates_that_the_pipeline_gives_under_its_rules(shop, answer):
    with open("project/serendip.toml", "a") as out:
        out.write('\n[pipelines.home]\nwhere = "price < 60"\nrerank = ["mmr:relevance=0.5"]\n')
    answer("rules", "put", "dear", "--kind", "exclude", "--when", "price > 50", *P)
    for pipeline in ("default", "home"):
        answer("generate", "-k", 8, "--output", "slates.csv", "--pipeline", pipeline, "--context", "device=phone", *P)
        read = pl.read_csv("slates.csv").group_by("user_id", maintain_order=True).agg("item_id", "reason")
        assert len(read) == 240 and not {f"i{n}" for n in range(46, 60)} & set(read["item_id"].explode())
        for row in read.sample(5, seed=1).iter_rows(named=True):
            slate = answer("recommend", row["user_id"], "-k", 8, "--pipeline", pipeline, *P)["items"]
            assert row["item_id"] == [one["item_id"] for one in slate]
            assert row["reason"] == [one["reason"] for one in slate]
    answer("rules", "put", "few", "--kind", "filter", "--when", "price < 11", *P)  # fewer than k are left
    answer("generate", "-k", 8, "--output", "slates.csv", *P)
    few = pl.read_csv("slates.csv").filter(pl.col("user_id") == "u14")["item_id"].to_list()
    assert few == [one["item_id"] for one in answer("recommend", "u14", "-k", 8, *P)["items"]] and len(few) < 8


def test_generate_leaves_no_half_file(shop, inside):
    done = inside("generate", "--output", "/proc/slates.csv", *P)
    assert done.returncode == 1
    assert done.stderr.startswith("serendip: /proc/") and done.stderr.count("\n") == 1


def test_compare(shop, inside, answer):
    given = ["compare", "--algorithms", "ease", "--metrics", "recall@5,coverage@5", "--split", "last-out", *P]
    board = answer(*given)
    assert board["primary"] == "recall@5"
    assert {row["algorithm"] for row in board["results"]} == {"ease", "popular"}
    for row in board["results"]:
        low, high = row["metrics"]["recall@5"]["ci95"]
        assert low <= row["metrics"]["recall@5"]["mean"] <= high
    for form in ("svg", "png", "html"):
        assert f"The leaderboard is in board.{form}.\n" in inside(*given, "--plot", f"board.{form}").stdout
        assert Path(f"board.{form}").stat().st_size > 1000
    text = inside(*given).stdout
    assert "recall@5" in text and "95% interval" in text


def test_ingest(shop, inside, answer):
    Path("more.csv").write_text("user_id,item_id,type,timestamp\nnew,i1,view,1712000000000\nnew,,view,1712000000000\n")
    (read,) = answer("ingest", "more.csv", *P)
    assert (read["rows"], read["loaded"], read["quarantined"], read["new_events"]) == (2, 1, 1, 1)
    assert read["reasons"] == {"no item id": 1}
    (again,) = answer("ingest", "more.csv", *P)
    assert again["unchanged"]
    assert "read before, nothing has changed" in inside("ingest", "more.csv", *P).stdout
    assert answer("recommend", "new", *P)["known"]


def test_quarantine(shop, inside, answer):
    assert inside("quarantine", *P).stdout == "No row is in quarantine.\n"
    head, good, bad = "user_id,item_id,value\n", "new,i1,3\n", "new,,1\n,i1,2\n,i2,2\n"
    Path("more.csv").write_text(head + good + bad)
    Path("other.csv").write_text(head + "you,,1\n")
    for name in ("more.csv", "other.csv"):
        answer("ingest", name, *P)
    found = [(one["file"], one["reason"], one["count"], one["lines"]) for one in answer("quarantine", *P)]
    assert found == [("more.csv", "no user id", 2, [4, 5]), ("more.csv", "no item id", 1, [3]),
                     ("other.csv", "no item id", 1, [2])]  # fmt: skip
    text = inside("quarantine", "more.csv", *P).stdout
    assert ",i2,2" in text and "you" not in text
    Path("more.csv").write_text(head + good + "new,i4,1\n,i1,2\n")  # mended, but for one
    answer("ingest", "more.csv", *P)
    (one,) = answer("quarantine", "more.csv", *P)
    assert (one["count"], one["lines"]) == (1, [4])
    assert inside("quarantine", "other.csv", "--clear", *P).stdout == "1 row forgotten.\n"
    assert [one["file"] for one in answer("quarantine", *P)] == ["more.csv"]
    assert "'other.csv' is in quarantine; did you mean" in inside("quarantine", "other.csv", *P).stderr
    assert answer("quarantine", "--clear", *P) == {"forgotten": 1}


def test_ingest_a_query(shop, answer):
    import sqlite3

    with sqlite3.connect("other.db") as other:
        other.execute("CREATE TABLE orders(customer TEXT, product TEXT, at INTEGER)")
        other.execute("INSERT INTO orders VALUES ('q1', 'i1', 1712000000)")
    other.close()
    select = "SELECT customer AS user_id, product AS item_id, at AS timestamp FROM orders"
    (read,) = answer("ingest", "sqlite:///other.db", "--query", select, *P)
    assert read["new_events"] == 1


def test_the_table_of_a_user_who_knows_everything_is_a_sentence(shop, inside):
    rows = "".join(f"glutton,i{n}\n" for n in range(60))
    Path("all.csv").write_text("user_id,item_id\n" + rows)
    assert status(["ingest", "all.csv", *P]) == 0
    assert "Nothing is left to recommend" in inside("recommend", "glutton", *P).stdout
