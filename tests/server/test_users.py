"""Slates, explanations and search over HTTP."""

from urllib.parse import quote

import pytest


def test_a_user_gets_what_the_command_line_answers(client, answer):
    ours = client.get("/v1/users/u14/recommendations", params={"k": 5, "history": True}).json()
    theirs = answer("recommend", "u14", "-k", 5, "--project", "project")
    assert ours["items"] == theirs["items"]
    assert ours["history"] == theirs["history"]
    assert list(ours) == list(theirs)
    assert ours["known"] and len(ours["items"]) == 5
    assert ours["items"][0]["title"].endswith("taste 2")
    assert "because you bought" in ours["items"][0]["reason"]


def test_nobody_is_an_error(client):
    slate = client.get("/v1/users/nobody/recommendations").json()
    assert not slate["known"]
    assert len(slate["items"]) == 10
    assert slate["user_id"] == "nobody"


def test_k_beyond_the_catalogue_gives_what_there_is(client):
    slate = client.get("/v1/users/u14/recommendations", params={"k": 1000}).json()["items"]
    assert len({item["item_id"] for item in slate}) == len(slate)
    assert 50 <= len(slate) <= 60


def test_contributions_sum_to_the_score(client):
    (first, *_) = client.get("/v1/users/u14/recommendations").json()["items"]
    told = client.get(f"/v1/users/u14/explanations/{first['item_id']}").json()
    assert told["score"] == pytest.approx(first["score"], rel=1e-5)
    assert sum(part["weight"] for part in told["contributions"]) == pytest.approx(told["score"], rel=1e-4)


@pytest.mark.parametrize(
    "odd", ["a/b", "ä ö ü", "100%", "a%2Fb", "?#&", "..", "日本語", "a\nb", "'; drop table users; --", "\u202e"]
)
def test_an_id_may_be_anything(client, odd):
    sent = client.post("/v1/events", json={"user_id": odd, "item_id": "i3", "event_id": "one"})
    assert sent.json()["new"] == 1
    path = quote(odd, safe="").replace(".", "%2E")
    slate = client.get(f"/v1/users/{path}/recommendations", params={"history": True}).json()
    assert slate["user_id"] == odd
    assert [event["item_id"] for event in slate["history"]] == ["i3"]
    assert client.get(f"/v1/users/{path}/explanations/i4").json()["user_id"] == odd
    assert client.get("/v1/users", params={"q": odd}).json() == [{"id": odd, "title": ""}]


def test_search_takes_what_is_typed_as_it_is(client):
    assert client.get("/v1/users", params={"q": "u14"}).json()[0]["id"] == "u14"
    assert [found["title"] for found in client.get("/v1/items", params={"q": "thing 23 TASTE"}).json()] == [
        "Thing 23 of taste 2"
    ]
    for odd in ("%", "_", '"', "'", "\\", "*", "NOT", "("):
        assert client.get("/v1/items", params={"q": odd}).json() == []
