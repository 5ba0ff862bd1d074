"""The gate: with a key in the project every route needs one, of the right scope and within its rate."""

import base64
import re

import httpx
import pytest

from serendip.server.keys import READING, needed
from serendip.service.keys import create, revoke
from serendip.store.project import Project

HEALTH = {"/v1/health/live", "/v1/health/ready"}


@pytest.fixture
def keys(shop):
    """A key of each scope, by its name; made before the server starts."""
    return {scope: create(Project(shop / "project"), scope, [scope]).text for scope in ("events", "read", "admin")}


@pytest.fixture
def open_with(keys, address):
    """Give a client that sends the key of a scope."""
    clients = []

    def opened(scope):
        clients.append(httpx.Client(base_url=address, headers={"authorization": f"Bearer {keys[scope]}"}))
        return clients[-1]

    yield opened
    for client in clients:
        client.close()


def routes(client):
    """Return method and path of every route of the OpenAPI document, and those that are not in it."""
    document = client.get("/openapi.json").json()
    found = [(m.upper(), re.sub(r"{\w+}", "x", path)) for path, ways in document["paths"].items() for m in ways]
    assert len(found) >= 13
    hidden = ["/", "/page.js", "/page.css", "/docs", "/redoc", "/openapi.json", "/metrics", "/nothing", "/v1/health"]
    return found + [("GET", path) for path in hidden] + [("HEAD", "/v1/items"), ("TRACE", "/v1/items")]


def test_every_route_but_health_needs_a_key(open_with, client):
    for method, path in routes(open_with("admin")):
        if path in HEALTH:
            assert client.request(method, path).status_code == 200
            continue
        for headers in ({}, {"authorization": "Bearer srd_00000000_" + "0" * 64}, {"authorization": "nonsense"},
                        {"authorization": "Basic !!"}, {"authorization": "Bearer caf\xe9"}):  # fmt: skip
            said = client.request(method, path, headers={k: v.encode("latin-1") for k, v in headers.items()})
            assert said.status_code == 401, (method, path, headers)
            assert said.headers["www-authenticate"] == "Bearer"
            assert method == "HEAD" or said.json()["code"] == "no_key"


def test_an_escaped_path_opens_nothing(keys, address):
    import socket

    port = int(address.rpartition(":")[2])
    for path in (
        "/v1/health/live/../../users",
        "/v1/health%2Flive/x",
        "/v1/health/live/",
        "//v1/health/live",
        "/v1/users/u1/recommendations;/v1/health/live",
        "/v1/users/u1/recommendations?x=/v1/health/live",
    ):
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert raw.recv(100).startswith(b"HTTP/1.1 401"), path


def test_a_scope_opens_its_routes_and_no_other(open_with):
    event = {"user_id": "u1", "item_id": "i1"}
    events, read, admin = open_with("events"), open_with("read"), open_with("admin")
    assert events.post("/v1/events", json=event).status_code == 200
    refused = events.get("/v1/users/u1/recommendations")
    assert refused.status_code == 403 and refused.json()["code"] == "out_of_scope"
    assert read.get("/v1/users/u1/recommendations").status_code == 200
    assert read.post("/v1/recommend", json={}).status_code == 200
    assert read.get("/v1/models").status_code == 200
    assert read.post("/v1/events", json=event).status_code == 403
    assert read.post("/v1/models/rollback").status_code == 403
    assert admin.post("/v1/events", json=event).status_code == 200
    assert admin.post("/v1/models/rollback").status_code == 404  # there is none before
    assert read.delete("/v1/users/u1").status_code == 403


def test_what_nobody_thought_of_needs_admin():
    for method, path in (
        ("PUT", "/v1/items/a"),
        ("DELETE", "/v1/users/a"),
        ("POST", "/v1/items"),
        ("POST", "/v1/eventsx"),
        ("POST", "/v1/recommendx"),
        ("BREW", "/"),
        ("POST", "/"),
    ):
        assert needed(method, path) == "admin"


def test_every_prefix_that_reads_by_post_is_of_a_route(open_with):
    posts = [path for method, path in routes(open_with("admin")) if method == "POST"]
    assert all(any(path == one or path.startswith(f"{one}/") for path in posts) for one in READING), posts


def test_a_browser_is_asked_for_the_key_and_sends_it_as_a_password(keys, client):
    page = client.get("/", headers={"accept": "text/html,*/*"})
    assert page.status_code == 401 and page.headers["www-authenticate"].startswith("Basic ")
    told = base64.b64encode(f"anyone:{keys['read']}".encode()).decode()
    assert client.get("/", headers={"authorization": f"Basic {told}"}).status_code == 200


def test_a_change_counts_within_a_second(shop, client):
    import time

    def after(status):
        end = time.monotonic() + 1
        while client.get("/v1/users/u1/recommendations", headers=headers).status_code != status:
            assert time.monotonic() < end
            time.sleep(0.02)

    headers = {}
    after(200)
    made = create(Project(shop / "project"), "late", ["read"])
    after(401)
    headers["authorization"] = f"Bearer {made.text}"
    after(200)
    revoke(Project(shop / "project"), "late")
    after(401)


def test_beyond_its_rate_a_key_waits_and_others_do_not(shop, open_with, address):
    text = create(Project(shop / "project"), "slow", ["read"], rate=3).text
    with httpx.Client(base_url=address, headers={"authorization": f"Bearer {text}"}) as slow:
        import time

        time.sleep(0.3)
        answers = [slow.get("/v1/users/u1/recommendations") for _ in range(12)]
    assert [one.status_code for one in answers[:3]] == [200] * 3
    refused = next(one for one in answers if one.status_code == 429)
    assert refused.headers["retry-after"] == "1" and refused.json()["code"] == "too_many"
    assert open_with("read").get("/v1/users/u1/recommendations").status_code == 200


def test_serving_beyond_loopback_needs_a_key(shop, serendip):
    refused = serendip("serve", "--project", "project", "--host", "0.0.0.0")
    assert refused.returncode == 1 and refused.stderr.count("\n") == 1
    assert "make one with `serendip keys create NAME --scope read`" in refused.stderr
    create(Project(shop / "project"), "some", ["read"])
    revoke(Project(shop / "project"), "some")
    assert serendip("serve", "--project", "project", "--host", "0.0.0.0").returncode == 1
