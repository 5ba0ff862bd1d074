"""Questions to a newcomer over HTTP: they adapt, stop, and make the next slate personal."""

import pytest


def ask(client, status=200, **said):
    response = client.get("/v1/onboarding", params=said)
    assert response.status_code == status, response.text
    return response.json()


def taste(entry):
    return entry["title"].split()[-1]


def test_the_first_question_is_about_an_item(client):
    made = ask(client)
    one = made["questions"][0]
    assert one["about"] == "item" and 0 < one["worth"] <= 1 and 0 < one["known"] < 1
    assert not made["done"] and made["answered"] == 0 and len(made["items"]) == 10 and made["history"] == []


def test_a_like_makes_the_slate_personal_and_the_next_question_another(client):
    first = ask(client)["questions"][0]
    made = ask(client, like=first["id"], k=4)
    assert [taste(item) for item in made["items"]] == [taste(first)] * 4
    assert first["id"] not in {item["item_id"] for item in made["items"]}
    assert first["id"] not in {q["id"] for q in ask(client, like=first["id"], n=20)["questions"]}
    assert made["history"][0]["item_id"] == first["id"] and made["history"][0]["type"] == "like"


def test_it_asks_until_it_does_not_pay(client):
    unknown, made = [], ask(client)
    while not made["done"]:
        unknown.append(made["questions"][0]["id"])
        made = ask(client, unknown=unknown)
    assert len(set(unknown)) == len(unknown) == made["answered"] <= 10
    assert made["reason"] and made["questions"] == [] and made["history"] == [] and len(made["items"]) == 10


def test_answers_become_a_history(client):
    first = ask(client)["questions"][0]
    made = ask(client, like=first["id"])
    events = [{"user_id": "new", "item_id": e["item_id"], "type": e["type"]} for e in made["history"]]
    assert client.post("/v1/events", json=events).status_code == 200
    slate = client.get("/v1/users/new/recommendations", params={"k": 4}).json()
    assert [taste(item) for item in slate["items"]] == [taste(first)] * 4
    again = ask(client, user_id="new", n=20)
    assert first["id"] not in {q["id"] for q in again["questions"]}
    assert again["items"] == ask(client, like=first["id"], n=20)["items"]


def test_what_nobody_knows_is_passed_over(client):
    assert ask(client, like="no such thing")["items"] == ask(client)["items"]


@pytest.mark.parametrize(("said", "status"), [({"like_tag": "jaz"}, 404), ({"n": 0}, 422), ({"n": 21}, 422),
                                              ({"k": 0}, 422)])  # fmt: skip
def test_what_cannot_be_answered_is_refused(client, said, status):
    assert list(ask(client, status, **said)) == ["code", "message"]


def test_items_newer_than_the_model_stop_no_question(client):
    first = ask(client)["questions"][0]
    about = {"title": f"New of {taste(first)}", "category": taste(first)}
    for name, hidden in (("shown", False), ("hidden", True)):
        client.put(f"/v1/items/{name}", json={"attributes": about, "hidden": hidden})
    made = ask(client, like=first["id"], k=100)
    assert made["questions"] and "hidden" not in {one["item_id"] for one in made["items"]}
    assert len(made["items"]) >= 59
