"""Security headers on every answer, errors included; other sites' pages are let in only by name."""

import socket
import threading
import time

import httpx
import pytest
import uvicorn

from serendip.server import ServerSettings, create_app

SHOP = "https://shop.example"


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/v1/users/u1/recommendations", "/v1/items/none/similar", "/nothing", "/metrics", "/page.js"]
)
def test_every_answer_has_them(client, path):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert len(headers.get_list("content-security-policy")) == 1
    assert (headers.get("cache-control") == "no-store") == path.startswith("/v1/")
    assert len(headers["x-request-id"]) == 32


def test_a_page_may_run_its_own_scripts_only(client):
    for path in ("/", "/v1/items"):
        assert "unsafe" not in client.get(path).headers["content-security-policy"]


def test_another_sites_page_is_not_let_in(client):
    asked = {"origin": SHOP, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    assert client.options("/v1/events", headers=asked).status_code == 405
    read = client.get("/v1/items", headers={"origin": SHOP})
    assert not [name for name in read.headers if name.startswith("access-control")]
    assert client.post("/v1/events", json={"user_id": "a", "item_id": "b"}, headers={"origin": SHOP}).status_code == 403


@pytest.fixture
def named(shop):
    """A client of a server whose settings name the shop's site."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = create_app(ServerSettings(shop / "project", origins=(SHOP,)))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.005)
        with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
            yield client
        server.should_exit = True
        thread.join()


def test_a_site_that_is_named_is_let_in_and_no_other(named):
    asked = {"origin": SHOP, "access-control-request-method": "POST",
             "access-control-request-headers": "authorization,content-type"}  # fmt: skip
    assert named.options("/v1/events", headers=asked).headers["access-control-allow-origin"] == SHOP
    sent = named.post("/v1/events", json={"user_id": "a", "item_id": "b"}, headers={"origin": SHOP})
    assert sent.status_code == 200 and sent.headers["access-control-allow-origin"] == SHOP
    other = {"origin": "https://other.example"}
    assert named.options("/v1/events", headers=asked | other).status_code == 400
    assert named.post("/v1/events", json={"user_id": "a", "item_id": "b"}, headers=other).status_code == 403
    assert "access-control-allow-origin" not in named.get("/v1/items", headers=other).headers
