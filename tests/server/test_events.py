"""Events over HTTP: each once, on disk, reflected by the next answer."""

import time

import pytest

from serendip.store.store import Store

DAY = 86_400_000


def slate(client, user):
    return client.get(f"/v1/users/{user}/recommendations", params={"history": True}).json()


def test_the_next_answer_reflects_an_event(client):
    first = slate(client, "u14")["items"][0]["item_id"]
    assert client.post("/v1/events", json={"user_id": "u14", "item_id": first}).json() == {"new": 1, "repeated": 0}
    after = slate(client, "u14")
    assert after["history"][0]["item_id"] == first
    assert first not in {item["item_id"] for item in after["items"]}


def test_a_newcomer_becomes_personal(client):
    before = slate(client, "newcomer")
    assert not before["known"]
    client.post("/v1/events", json=[{"user_id": "newcomer", "item_id": i, "type": "purchase"} for i in ("i40", "i41")])
    after = slate(client, "newcomer")
    assert after["known"]
    assert [item["title"].split()[-1] for item in after["items"][:4]] == ["4"] * 4


def test_an_event_id_counts_once(client, shop):
    event = {"user_id": "u1", "item_id": "i1", "event_id": "click-7"}
    assert client.post("/v1/events", json=event).json() == {"new": 1, "repeated": 0}
    assert client.post("/v1/events", json=[event, event]).json() == {"new": 0, "repeated": 2}
    with Store.open(shop / "project/serendip.db", create=False) as store:
        assert store.counts().events == 240 * 7 + 1


def test_a_number_is_the_same_id_as_its_text(client):
    client.post("/v1/events", json=[{"user_id": 501, "item_id": "i1"}, {"user_id": " 501 ", "item_id": "i2"}])
    assert {event["item_id"] for event in slate(client, "501")["history"]} == {"i1", "i2"}


def test_the_word_of_a_shop_for_a_type_is_understood(client):
    client.post("/v1/events", json={"user_id": "u1", "item_id": "i1", "type": "addToCart", "value": 2.5})
    assert slate(client, "u1")["history"][0]["type"] == "cart"
    assert slate(client, "u1")["history"][0]["value"] == 2.5


def test_a_thousand_at_once_and_not_one_more(client):
    many = [{"user_id": f"m{n}", "item_id": f"i{n % 60}"} for n in range(1001)]
    assert client.post("/v1/events", json=many[:1000]).json() == {"new": 1000, "repeated": 0}
    refused = client.post("/v1/events", json=many)
    assert refused.status_code == 422
    assert "at most 1000" in refused.json()["message"]
    assert client.get("/v1/users", params={"q": "m1000"}).json() == []
    assert client.post("/v1/events", json=[]).json() == {"new": 0, "repeated": 0}


GOOD = {"user_id": "u1", "item_id": "i1"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_id": ""},
        {"user_id": " \t"},
        {"item_id": ""},
        {"item_id": None},
        {"user_id": True},
        {"user_id": "u" * 257},
        {"user_id": 10**30},
        {"type": ""},
        {"type": 3},
        {"value": "4"},
        {"value": 1e30},
        {"timestamp": -1},
        {"timestamp": 0},
        {"timestamp": 1_700_000_000},
        {"timestamp": 10**30},
        {"timestamp": 1.5},
        {"timestamp": "2024-01-01"},
        {"timestamp": int(time.time() * 1000) + 3 * DAY},
        {"event_id": ""},
        {"context": "phone"},
        {"colour": "red"},
    ],
)
def test_an_event_of_the_wrong_form_is_refused_with_its_whole_batch(client, wrong):
    refused = client.post("/v1/events", json=[GOOD | {"event_id": "good"}, GOOD | wrong])
    assert refused.status_code == 422, refused.text
    assert list(refused.json()) == ["code", "message"]
    assert client.post("/v1/events", json=GOOD | {"event_id": "good"}).json() == {"new": 1, "repeated": 0}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"user_id=u1", 400),
        (b'{"user_id": "u1", "item_id": "i1", "value": NaN}', 400),
        (b'{"user_id": "u1", "item_id": "i1", "value": 1e999}', 422),
        (b'{"user_id": "u1"}', 422),
        (b'"u1"', 422),
        (b'{"user_id": "\\ud800", "item_id": "i1"}', 400),
        (b'{"user_id": "u1", "item_id": "i1", "context": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, 400),
    ],
)
def test_a_body_that_is_no_event_is_refused(client, body, status):
    refused = client.post("/v1/events", content=body)
    assert refused.status_code == status, refused.text
    assert list(refused.json()) == ["code", "message"]


def test_a_body_that_is_too_long_is_refused(client):
    refused = client.post("/v1/events", content=b"[" + b" " * (5 << 20) + b"]")
    assert refused.status_code == 413
    assert refused.json()["code"] == "too_long"


def test_too_many_types_are_refused_and_those_before_stay(client):
    many = [GOOD | {"type": f"type{n}"} for n in range(200)]
    assert client.post("/v1/events", json=many).status_code == 422
    assert client.post("/v1/events", json=GOOD | {"type": "view"}).status_code == 200
