"""What is like an item, over HTTP."""


def test_similar_items_are_of_the_same_taste(client, answer):
    ours = client.get("/v1/items/i20/similar", params={"k": 5}).json()
    assert ours["items"] == answer("similar", "i20", "-k", 5, "--project", "project")["items"]
    assert ours["title"] == "Thing 20 of taste 2"
    assert all(item["title"].endswith("taste 2") for item in ours["items"])
    assert "i20" not in {item["item_id"] for item in ours["items"]}


def test_an_item_newer_than_the_model_is_like_nothing(client):
    client.post("/v1/events", json={"user_id": "u1", "item_id": "brand/new"})
    answer = client.get("/v1/items/brand%2Fnew/similar")
    assert answer.status_code == 200
    assert answer.json()["items"] == []
    assert answer.json()["title"] == "brand/new"
