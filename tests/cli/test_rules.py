"""`serendip rules` and pipelines from the command line."""

import pytest


def test_a_rule_is_put_listed_removed_and_remembered(shop, answer, inside):
    put = ("rules", "put", "cheap", "--kind", "filter", "--when", "price < 20", "--note", "sale", "--who", "ann")
    (one,) = answer(*put, "--project", "project")
    assert (one["version"], one["who"], one["holds"]) == (1, "ann", True)
    assert one["rule"] == {"kind": "filter", "when": "price < 20", "note": "sale"}
    shown = answer("recommend", "u14", "-k", "30", "--project", "project", "--trace")
    assert {int(item["item_id"][1:]) for item in shown["items"]} <= set(range(15))
    told = inside("recommend", "u14", "-k", "3", "--project", "project", "--trace").stdout
    assert "cheap" in told and "seen" in told
    assert "price < 20" in inside("rules", "--project", "project").stdout
    answer("rules", "remove", "cheap", "--who", "bob", "--project", "project")
    assert [one["who"] for one in answer("rules", "history", "--project", "project")] == ["ann", "bob"]
    assert "no rule yet" in inside("rules", "--project", "project").stdout


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["rules", "putt", "x"], "did you mean 'put'"),
        (["rules", "put"], "takes the name of a rule"),
        (["rules", "list", "x"], "takes no name"),
        (["rules", "remove", "x"], "there is no rule 'x'"),
        (["rules", "history", "--kind", "cap"], "takes no --kind"),
        (["rules", "put", "x", "--kind", "exclude", "--when", "prise < 3"], "did you mean 'price'"),
        (["recommend", "u1", "--pipeline", "home"], "there is no pipeline 'home'"),
        (["recommend", "--group", "u1,u2", "--aggregate", "averag"], "did you mean 'average'"),
        (["recommend", "u1", "--group", "u2"], "asked for alone"),
        (["recommend", "--item", "nothing"], "nothing"),
    ],
)
def test_what_cannot_be_is_told(shop, inside, given, said):
    done = inside(*given, "--project", "project")
    assert done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1


def test_a_group_and_an_items_page(shop, answer):
    group = answer("recommend", "--group", "u14,u3", "-k", "4", "--project", "project")
    assert len(group["items"]) == 4
    page = answer("recommend", "u14", "--item", "i30", "-k", "4", "--project", "project")
    assert len(page["items"]) == 4 and "i30" not in {one["item_id"] for one in page["items"]}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('retrieve = ["modl:10"]', "there is no source 'modl'; did you mean 'model'?"),
        ('retrieve = ["model"]', "a source is written NAME:K"),
        ('retrieve = ["svdpp:10"]', "there is no model of svdpp yet"),
        ('rerank = ["mrr"]', "there is no re-ranker 'mrr'; did you mean 'mmr'?"),
        ('rerank = ["mmr:relevance"]', "a re-ranker is written NAME:field=value"),
        ('rerank = ["mmr:relevance=7"]', "lies from 0 to 1"),
        ('where = "prise < 3"', "did you mean 'price'"),
        ('where = "price <"', "at character 8"),
        ('rerank = ["calibration"]\nby = "genres"', "items have no attribute 'genres'"),
    ],
)
def test_a_pipeline_that_cannot_be_is_told_before_anything_is_served(shop, inside, written, said):
    with open("project/serendip.toml", "a") as out:
        out.write(f"\n[pipelines.home]\n{written}\n")
    done = inside("recommend", "u14", "--project", "project")
    assert done.returncode == 1 and said in done.stderr and "pipelines.home" in done.stderr


def test_a_source_may_be_the_last_model_of_an_algorithm(shop, inside, answer):
    assert inside("train", "popular", "--project", "project").returncode == 0
    assert inside("models", "rollback", "--project", "project").returncode == 0
    with open("project/serendip.toml", "a") as out:
        out.write('\n[pipelines.home]\nretrieve = ["popular:7"]\n')
    shown = answer("recommend", "nobody", "--pipeline", "home", "-k", "12", "--project", "project", "--trace")
    assert len(shown["items"]) == 12 and shown["trace"][0]["kept"] == 7
