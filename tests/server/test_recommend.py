"""Slates for whoever brings a history."""

import pytest


def tastes(slate, n=4):
    return [item["title"].split()[-1] for item in slate["items"][:n]]


def test_a_history_makes_a_newcomer_personal(client):
    nothing = client.post("/v1/recommend", json={}).json()
    assert len(nothing["items"]) == 10 and not nothing["known"]
    slate = client.post("/v1/recommend", json={"history": ["i30", "i31"], "k": 4}).json()
    assert tastes(slate) == ["3"] * 4
    assert not {"i30", "i31"} & {item["item_id"] for item in slate["items"]}


def test_events_are_a_history_too(client):
    past = [{"item_id": "i30", "type": "purchase", "timestamp": 1_700_000_000_000}, {"item_id": "i31", "value": 3}]
    assert tastes(client.post("/v1/recommend", json={"history": past}).json()) == ["3"] * 4


def test_what_is_excluded_does_not_come(client):
    first = client.post("/v1/recommend", json={"history": ["i30"]}).json()["items"][0]["item_id"]
    slate = client.post("/v1/recommend", json={"history": ["i30"], "exclude": [first, "unknown"]}).json()
    assert first not in {item["item_id"] for item in slate["items"]}


def test_items_that_nobody_knows_are_passed_over(client):
    slate = client.post("/v1/recommend", json={"history": ["unknown", 7, "i30"]}).json()
    assert tastes(slate) == ["3"] * 4


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 422),
        (b'{"histroy": []}', 422),
        (b'{"history": "i1"}', 422),
        (b'{"history": [null]}', 422),
        (b'{"history": [""]}', 422),
        (b'{"history": ["  "]}', 422),
        (b'{"history": [{"type": "view"}]}', 422),
        (b'{"history": [{"item_id": "i1", "value": 1e999}]}', 422),
        (b'{"history": [{"item_id": "i1", "timestamp": -5}]}', 422),
        (b'{"k": 0}', 422),
        (b'{"k": 1001}', 422),
        (b'{"k": "ten"}', 422),
        (b'{"history": ["\xff"]}', 400),
    ],
)
def test_what_is_no_request_is_refused(client, body, status):
    response = client.post("/v1/recommend", content=body)
    assert response.status_code == status, response.text
    assert list(response.json()) == ["code", "message"]


def test_a_history_of_too_many_types_is_refused(client):
    past = [{"item_id": "i1", "type": f"type{n}"} for n in range(200)]
    assert client.post("/v1/recommend", json={"history": past}).status_code == 422


def test_a_page_of_another_site_is_refused(client, address):
    elsewhere = client.post("/v1/recommend", json={}, headers={"origin": "https://elsewhere.example"})
    assert elsewhere.status_code == 403
    assert client.post("/v1/recommend", json={}, headers={"origin": address}).status_code == 200
