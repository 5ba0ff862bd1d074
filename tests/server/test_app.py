"""The app as a whole: errors, documentation, health."""

import json
import re
import shutil

import pytest

ROUTES = {
    ("get", "/v1/users/{user_id}/recommendations"),
    ("get", "/v1/users/{user_id}/explanations/{item_id}"),
    ("get", "/v1/users"),
    ("get", "/v1/items/{item_id}/similar"),
    ("get", "/v1/items"),
    ("post", "/v1/recommend"),
    ("post", "/v1/events"),
    ("get", "/v1/health/live"),
    ("get", "/v1/health/ready"),
    ("get", "/v1/models"),
    ("post", "/v1/models/rollback"),
    ("post", "/v1/models/{version}/promote"),
    ("get", "/v1/models/{version}/compare/{other}"),
    ("get", "/v1/items/{item_id}"),
    ("put", "/v1/items/{item_id}"),
    ("patch", "/v1/items/{item_id}"),
    ("delete", "/v1/items/{item_id}"),
    ("post", "/v1/items"),
    ("get", "/v1/users/{user_id}"),
    ("put", "/v1/users/{user_id}"),
    ("patch", "/v1/users/{user_id}"),
    ("delete", "/v1/users/{user_id}"),
    ("post", "/v1/users"),
    ("put", "/v1/users/{user_id}/opt-out"),
    ("delete", "/v1/users/{user_id}/opt-out"),
    ("get", "/v1/rules"),
    ("get", "/v1/rules/history"),
    ("put", "/v1/rules/{name}"),
    ("delete", "/v1/rules/{name}"),
    ("get", "/v1/onboarding"),
}


def test_each_route_is_described_and_each_reference_leads_somewhere(client):
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.")
    assert {(method, path) for path, methods in document["paths"].items() for method in methods} == ROUTES
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))
    assert references
    for reference in references:
        part = document
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
        assert part["type"] == "object"
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["responses"]["200"]["content"]["application/json"]["schema"]
            named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


def test_the_documentation_page_needs_no_other_host(client):
    page = client.get("/docs").text
    linked = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert any(link.endswith(".js") for link in linked)
    for link in linked:
        assert link.startswith(("/", "data:")), link
        if link.startswith("/"):
            assert client.get(link).status_code == 200
    assert not re.findall(r"https?://", re.sub(r"<svg.*?</svg>", "", page))


def test_the_page_needs_no_other_host(client):
    page = client.get("/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for link in re.findall(r"""(?:src|href)=["']([^"']+)""", page.text):
        assert link.startswith(("/", "data:"))
        if link.startswith("/"):
            assert client.get(link).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/recommend", {"items": ["i1"]}, "there is no field 'items'; did you mean 'item_id'?"),
        ("/v1/recommend", {"histori": ["i1"]}, "did you mean 'history'?"),
        ("/v1/recommend", {"history": [{"item": "i1"}]}, "there is no field 'item' - at `$.history[0]`"),
        ("/v1/events", {"user": "u1", "item_id": "i1"}, "there is no field 'user'; did you mean 'user_id'?"),
    ],
)
def test_a_field_that_there_is_not_is_told_with_the_nearest(client, path, body, said):
    response = client.post(path, json=body)
    assert response.status_code == 422 and said in response.json()["message"]


def test_in_a_list_of_events_too(client):
    good, bad = {"user_id": "u1", "item_id": "i1"}, {"user_id": "u1", "itemid": "i1"}
    done = client.post("/v1/events", json=[good, bad]).json()["events"]
    assert [one["status"] for one in done] == ["recorded", "invalid"] and "did you mean 'item_id'?" in done[1]["reason"]


def test_an_error_says_what_to_do(client):
    said = {call: client.request(*call.split()).json()["message"]
            for call in ("GET /v1/nothing", "DELETE /v1/events", "POST /v1/recommend")}  # fmt: skip
    assert list(said.values()) == [
        "there is no route GET /v1/nothing; /docs lists all",
        "/v1/events cannot be asked by DELETE; /docs says how",
        "there is no body: send it as JSON",
    ]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("DELETE", "/v1/events", 405, "refused"),
        ("GET", "/v1/items/none/similar", 404, "not_found"),
        ("GET", "/v1/users/u1/explanations/none", 404, "not_found"),
        ("GET", "/v1/users/nobody/explanations/i1", 404, "not_found"),
        ("GET", "/v1/users/u1/recommendations?k=0", 422, "invalid"),
        ("GET", "/v1/users/u1/recommendations?k=1001", 422, "invalid"),
        ("GET", "/v1/users/u1/recommendations?k=many", 422, "invalid"),
        ("GET", "/v1/users//recommendations", 422, "invalid"),
        ("GET", f"/v1/users/{'u' * 300}/recommendations", 422, "invalid"),
        ("GET", f"/v1/items?q={'w+' * 200}", 422, "invalid"),
    ],
)
def test_an_error_is_flat(client, method, path, status, code):
    response = client.request(method, path)
    assert response.status_code == status
    assert list(response.json()) == ["code", "message"]
    assert response.json()["code"] == code
    assert response.json()["message"]


def test_an_unknown_item_is_told_with_the_nearest(client):
    assert "did you mean 'i1'" in client.get("/v1/items/i1x/similar").json()["message"]


def test_ready_names_the_model_and_fails_when_the_store_is_gone(client, shop):
    assert client.get("/v1/health/live").json() == {"status": "ok"}
    ready = client.get("/v1/health/ready")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ok", "model": (shop / "project/models/current").read_text().strip()}
    shutil.move(shop / "project/serendip.db", shop / "elsewhere.db")
    gone = client.get("/v1/health/ready")
    assert gone.status_code == 503
    assert "serendip.db is gone" in gone.json()["reason"]
    assert client.get("/v1/health/live").status_code == 200


def test_an_event_is_never_acknowledged_by_a_store_that_is_gone(client, shop):
    shutil.move(shop / "project/serendip.db", shop / "elsewhere.db")
    refused = client.post("/v1/events", json={"user_id": "u1", "item_id": "i1"})
    assert refused.status_code == 503
    assert refused.json()["code"] == "unavailable"
    shutil.copy(shop / "elsewhere.db", shop / "project/serendip.db")
    assert client.post("/v1/events", json={"user_id": "u1", "item_id": "i1"}).status_code == 503
