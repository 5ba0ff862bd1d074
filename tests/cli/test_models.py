"""`serendip models`: list, promote, roll back, compare."""

from pathlib import Path

import pytest

from serendip.models.als import ALS
from serendip.models.popular import Popular
from serendip.service.settings import learned, settings_of
from serendip.service.train import fitted
from serendip.store.project import Project


@pytest.fixture
def three(shop):
    """The version of `serendip run`, then ALS and popular; the first serves."""
    project = Project(shop / "project")
    with project.store() as store:
        data = learned(store, settings_of(project))
    return [project.current(), fitted(project, ALS(rank=8, epochs=3), data), fitted(project, Popular(), data)]


def models(answer, *arguments):
    return answer("models", *arguments, "--project", "project")


def test_the_list_says_what_each_is_worth(three, answer, inside):
    listed = models(answer)
    assert [one["version"] for one in listed] == three[::-1]
    assert [one["current"] for one in listed] == [False, False, True]
    assert listed[2]["metric"] == "ndcg@10" and 0 < listed[2]["value"] <= 1 and listed[0]["value"] is None
    assert listed[0]["data"] == listed[1]["data"] == listed[2]["data"]
    shown = inside("models", "--project", "project").stdout
    assert all(version in shown for version in three) and "* serves" in shown


def test_promote_and_rollback(three, answer, inside):
    for version in three[1:]:
        assert next(one["version"] for one in models(answer, "promote", version) if one["current"]) == version
    assert inside("models", "rollback", "--project", "project").stdout == (
        f"Model {three[1]} is published again in place of {three[2]}; servers take it up within seconds.\n"
    )
    assert next(one["version"] for one in models(answer, "rollback") if one["current"]) == three[0]
    refused = inside("models", "rollback", "--project", "project")
    assert refused.returncode == 1 and "no model served before" in refused.stderr


def test_compare_puts_reports_side_by_side_and_judges_on_one_part(three, answer, inside):
    side = models(answer, "compare", three[0], three[1])
    assert side["note"] == f"{three[1]} was never judged"
    assert {row["metric"] for row in side["metrics"]} >= {"ndcg@10", "recall@10"}
    judged = models(answer, "compare", three[0], three[2], "--judge")
    assert judged["difference"] == pytest.approx(
        judged["new"]["ndcg@10"]["mean"] - judged["current"]["ndcg@10"]["mean"]
    )
    assert judged["difference"] < 0 and judged["p"] < 0.05
    assert "against" in inside("models", "compare", three[0], three[2], "--judge", "--project", "project").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["promot"], "did you mean 'promote'"),
        (["promote"], "takes 1 version, not 0"),
        (["compare", "20200101T000000000Z-00000000"], "takes 2 versions, not 1"),
        (["promote", "20200101T000000000Z-00000000"], "there is no model"),
        (["promote", "../x"], "there is no model"),
    ],
)
def test_what_cannot_be_done_is_said(shop, inside, arguments, said):
    done = inside("models", *arguments, "--project", "project")
    assert done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1


def test_a_damaged_version_is_listed_with_its_fault(three, answer):
    manifest = Path("project/models") / three[1] / "model.json"
    manifest.write_bytes(manifest.read_bytes()[:-40])
    assert "not as it was written" in models(answer)[1]["fault"]
