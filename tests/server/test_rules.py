"""Rules and named pipelines over HTTP: at work in the next answer; what cannot be is refused in one sentence."""

import time
from pathlib import Path

import pytest

from serendip.store.project import Project

TOML = """
[pipelines.default]
[pipelines.home]
retrieve = ["model:60", "fallback:20"]
rerank = ["mmr:relevance=0.5", "explore:epsilon=1:slots=2"]
where = "price < 60"
[pipelines.basket]
seen = []
rerank = ["calibration:weight=0.9"]
by = "category"
"""


pytestmark = pytest.mark.usefixtures("either")


@pytest.fixture
def shop(shop):
    with open("project/serendip.toml", "a") as out:
        out.write(TOML)
    return shop


def ids(response):
    assert response.status_code == 200, response.text
    return [one["item_id"] for one in response.json()["items"]]


def slate(client, **asked):
    return client.get("/v1/users/u14/recommendations", params=asked)


def test_a_rule_is_at_work_in_the_next_answer_and_gone_in_the_one_after(client):
    before = ids(slate(client, k=5))
    number = int(before[0][1:])
    put = client.put("/v1/rules/not-this", json={"kind": "exclude", "when": f"price == {5 + number}"})
    assert put.status_code == 200 and put.json()["version"] == 1 and put.json()["holds"]
    assert before[0] not in ids(slate(client, k=60))
    assert before[0] not in ids(client.get(f"/v1/items/{before[1]}/similar", params={"k": 60}))
    same = client.put("/v1/rules/not-this", json={"kind": "exclude", "when": f"price == {5 + number}"})
    assert same.json()["version"] == 1
    assert client.delete("/v1/rules/not-this").json()["rule"] is None
    assert ids(slate(client, k=5)) == before
    told = client.get("/v1/rules/history").json()
    assert [(one["version"], one["holds"]) for one in told] == [(1, False), (2, False)]
    assert client.get("/v1/rules").json() == []
    assert client.delete("/v1/rules/not-this").status_code == 404


def test_a_rule_begins_and_ends_by_the_clock_whatever_is_cached(client):
    before = ids(slate(client, k=3))
    ends = int(time.time() * 1000) + 1500
    pin = {"kind": "pin", "item": "i59", "position": 1, "ends": ends}
    assert client.put("/v1/rules/p", json=pin).status_code == 200
    answer = slate(client, k=3)
    assert ids(answer)[0] == "i59" and answer.json()["items"][0]["source"] == "rule"
    while time.time() * 1000 < ends:
        time.sleep(0.05)
    assert ids(slate(client, k=3)) == before


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"kind": "exclude", "when": "prise < 3"}, "did you mean 'price'"),
        ({"kind": "exclude", "when": "price <"}, "at character 8"),
        ({"kind": "cap", "by": "categry", "most": 2}, "did you mean 'category'"),
        ({"kind": "pin", "item": "nothing", "position": 1}, "there is no item 'nothing'"),
        ({"kind": "nothing"}, "there is no kind"),
        ({"kind": "cap", "by": "category", "most": 0}, "most is from 1 to 1000, not 0"),
        ({"kind": "pin", "item": "i1", "position": 0}, "position is from 1 to 1000, not 0"),
        ({"kind": "boost", "when": "true", "factor": 1}, "a factor of 1 changes nothing"),
        ({"kind": "exclude", "when": "jazz in category"}, 'a text stands in quotes, as "jazz"'),
        ({"kind": "exclude", "when": "true", "pipelines": ["hom"]}, "no pipeline 'hom'; did you mean 'home'?"),
        ([], ""),
    ],
)
def test_what_cannot_be_a_rule_is_refused(client, rule, said):
    response = client.put("/v1/rules/r", json=rule)
    assert response.status_code == 422 and said in response.json()["message"]
    assert client.get("/v1/rules").json() == []


def test_a_page_of_another_site_changes_no_rule(client):
    headers = {"origin": "https://elsewhere.example"}
    rule = {"kind": "exclude", "when": "true"}
    assert client.put("/v1/rules/r", json=rule, headers=headers).status_code == 403
    assert client.delete("/v1/rules/r", headers=headers).status_code == 403


def test_caps_and_boosts(client):
    client.put("/v1/rules/two", json={"kind": "cap", "by": "category", "most": 2})
    client.put("/v1/rules/up", json={"kind": "boost", "when": '"taste5" in category', "factor": 50})
    items = slate(client, k=10, contributions=True).json()["items"]
    kinds = [one["title"].split()[-1] for one in items]
    assert len(items) == 10 and max(kinds.count(kind) for kind in kinds) <= 2
    for one in items:
        assert sum(part["weight"] for part in one["contributions"]) == pytest.approx(one["score"], rel=1e-3, abs=1e-4)


def test_a_named_pipeline_says_what_it_did(client):
    response = slate(client, pipeline="home", trace=True, k=6)
    answer = response.json()
    assert answer["pipeline"] == "home" and len(answer["items"]) == 6
    steps = {step["stage"]: step for step in answer["trace"]}
    assert [*steps] == ["retrieve", "filter", "rank", "rerank", "fallback"]
    reasons = {one["reason"]: one for one in steps["filter"]["dropped"]}
    assert reasons["seen"]["count"] and set(reasons["seen"]["item_ids"]) <= {f"i{n}" for n in range(60)}
    assert set(reasons["where of pipeline home"]["item_ids"]) == {f"i{n}" for n in range(55, 60)}
    assert [one["propensity"] for one in answer["items"][:4]] == [1] * 4
    assert all(0 < one["propensity"] < 0.1 for one in answer["items"][4:])
    assert "rerank;dur=" in response.headers["server-timing"]
    assert "server-timing" in slate(client).headers
    assert len({tuple(ids(slate(client, pipeline="home", k=6))) for _ in range(5)}) > 1  # never from the cache


def test_what_was_seen_may_come_again_in_a_pipeline_that_says_so(client):
    past = [one["item_id"] for one in slate(client, history=True).json()["history"]]
    assert set(ids(slate(client, pipeline="basket", k=20))) & set(past)
    disliked = {"user_id": "u14", "item_id": past[0], "type": "dislike"}
    assert client.post("/v1/events", json=disliked).status_code == 200
    assert past[0] not in ids(slate(client, pipeline="basket", k=60))


def test_an_explanation_is_of_the_pipeline_that_is_named(client):
    client.put(
        "/v1/rules/up", json={"kind": "boost", "when": '"taste5" in category', "factor": 50, "pipelines": ["home"]}
    )
    for pipeline in ("default", "home", "basket"):
        for one in slate(client, k=8, pipeline=pipeline).json()["items"][:3]:
            told = client.get(f"/v1/users/u14/explanations/{one['item_id']}", params={"pipeline": pipeline}).json()
            assert (told["score"], told["reason"]) == (pytest.approx(one["score"], rel=1e-4), one["reason"])
            assert sum(part["weight"] for part in told["contributions"]) == pytest.approx(told["score"], rel=1e-3)
    plain, raised = (
        client.get("/v1/users/u14/explanations/i55", params={"pipeline": pipeline}).json()
        for pipeline in ("default", "home")
    )
    assert raised["score"] > plain["score"] > 0 and "rules" in [part["reason"] for part in raised["contributions"]]
    unknown = client.get("/v1/users/u14/explanations/i55", params={"pipeline": "hom"})
    assert unknown.status_code == 404 and "did you mean 'home'" in unknown.json()["message"]


def test_a_pipeline_that_is_not_there_is_not_found(client):
    for response in (
        slate(client, pipeline="hom"),
        client.post("/v1/recommend", json={"pipeline": "hom"}),
        client.post("/v1/recommend", json={"pipeline": "hom", "users": ["u1"]}),
    ):
        assert response.status_code == 404 and "did you mean 'home'" in response.json()["message"]


def test_groups_and_pages_and_sessions(client):
    group = client.post("/v1/recommend", json={"users": ["u14", "u3", "nobody"], "aggregate": "least-misery", "k": 8})
    assert len(ids(group)) == 8 and group.json()["user_id"] is None
    assert all(one["reason"].startswith("because one of you ") for one in group.json()["items"])
    for user in ("u14", "u3"):
        past = client.get(f"/v1/users/{user}/recommendations", params={"history": True}).json()["history"]
        assert not {one["item_id"] for one in past} & set(ids(group))
    page = client.post("/v1/recommend", json={"item_id": "i30", "k": 5})
    assert {one["title"].split()[-1] for one in page.json()["items"]} == {"3"} and "i30" not in ids(page)
    assert all(one["reason"] == "like Thing 30 of taste 3" for one in page.json()["items"])
    viewer = {"item_id": "i30", "user_id": "u14", "k": 5, "contributions": True}
    for one in client.post("/v1/recommend", json=viewer).json()["items"]:
        assert sum(part["weight"] for part in one["contributions"]) == pytest.approx(one["score"], rel=1e-3, abs=1e-4)
    session = ids(client.post("/v1/recommend", json={"user_id": "u14", "history": ["i40", "i41", "i42"], "k": 10}))
    assert not {"i40", "i41", "i42"} & set(session) and any(one.startswith("i4") for one in session)
    assert session != ids(slate(client, k=10))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"users": ["u1"], "history": ["i1"]}, 422),
        ({"users": ["u1"], "aggregate": "worst"}, 422),
        ({"users": ["u1"] * 51}, 422),
        ({"item_id": "nothing"}, 404),
    ],
)
def test_what_cannot_be_asked_is_refused(client, body, status):
    assert client.post("/v1/recommend", json=body).status_code == status


def test_what_was_shown_can_be_joined_with_events(client):
    shown = slate(client, pipeline="home", k=6).json()
    event = {"user_id": "u14", "item_id": shown["items"][5]["item_id"], "impression_id": shown["request_id"]}
    assert client.post("/v1/events", json=event).status_code == 200
    with Project(Path("project")).store() as store:
        deadline = time.monotonic() + 10
        while store.impression(shown["request_id"]) is None and time.monotonic() < deadline:
            time.sleep(0.1)
        found = store.impression(shown["request_id"])
        joined = store.events_since().filter(impression_id=shown["request_id"])
        assert joined["item_id"].to_list() == [store.items()[found.item[5]]]
        assert found.pipeline == "home" and store.users()[found.user] == "u14"
        assert [round(p, 4) for p in found.propensity] == [round(one["propensity"], 4) for one in shown["items"]]
