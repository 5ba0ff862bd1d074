"""The log of a run: a line of JSON a request, and nothing of anyone in it."""

import io
import json
import logging
import signal
import socket
import threading
import time

import httpx
import pytest
import uvicorn

from serendip.server import ServerSettings, create_app, log
from serendip.service.keys import create
from serendip.store.project import Project


def test_each_request_is_a_line_and_no_line_names_anybody(shop, served):
    key = create(Project(shop / "project"), "web-shop", ["admin"]).text
    wrong = "srd_00000000_" + "ab" * 32
    who, query = "jane.doe-4711", "private-words"
    with served("--log", "requests") as (process, address):
        with httpx.Client(base_url=address, headers={"authorization": f"Bearer {key}"}) as client:
            sent = [
                client.post("/v1/events", json={"user_id": who, "item_id": "i1", "event_id": f"{who}-1"}),
                client.get(f"/v1/users/{who}/recommendations"),
                client.get(f"/v1/users/{who}/explanations/i2"),
                client.get(f"/v1/users/{who}/explanations/{query}"),
                client.get("/v1/items", params={"q": query}),
                client.post("/v1/events", content=f'{{"user_id": "{who}"'.encode()),
                client.post("/v1/events", json={"user_id": who, "item_id": "i1", "timestamp": 5}),
                client.get(f"/{who}"),
                client.get(f"/v1/users/{who}/recommendations", headers={"authorization": f"Bearer {wrong}"}),
                client.get("/v1/health/live"),
            ]
        process.send_signal(signal.SIGTERM)
        _, text = process.communicate(timeout=20)
    for secret in (key, key.split("_")[2], wrong, wrong.split("_")[2], who, "jane", query, "authorization", "Bearer"):
        assert secret not in text
    lines = [json.loads(line) for line in text.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in requests] == [one.status_code for one in sent]
    assert [line["request_id"] for line in requests] == [one.headers["x-request-id"] for one in sent]
    assert requests[1]["route"] == "/v1/users/{user_id}/recommendations"
    assert requests[1]["model"] == sent[1].json()["model"] and requests[1]["pipeline"] == "default"
    assert requests[1]["client"] == "web-shop" and requests[1]["ms"] > 0
    assert "client" not in requests[8] and requests[8]["status"] == 401


@pytest.fixture
def loggers():
    """Leave the loggers of this process as they were."""
    before = [(one, one.handlers, one.propagate, one.level) for one in map(logging.getLogger, log.LOGGERS)]
    yield
    for one, handlers, propagate, level in before:
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


@pytest.fixture
def failing(shop, loggers):
    """A client of an app with a route that fails in the words of what it was asked; `said()` is what its log told."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = create_app(ServerSettings(shop / "project"))

        @app.get("/v1/broken/{user_id}")
        def broken(user_id: str) -> None:
            raise KeyError(user_id)

        kept = io.StringIO()
        log.to(kept, requests=False)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.005)
        with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
            yield client, kept.getvalue
        server.should_exit = True
        thread.join()


def test_a_fault_is_told_by_its_place_and_not_in_its_words(failing):
    client, said = failing
    answer = client.get("/v1/broken/jane.doe")
    assert answer.status_code == 500
    assert answer.json() == {"code": "internal", "message": "this is a fault of the server; its log says more"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    client.get("/v1/health/live")
    text = said()
    (line,) = [json.loads(line) for line in text.splitlines()]
    assert line["event"] == "fault" and line["error"] == "KeyError" and line["level"] == "error"
    assert line["request_id"] == answer.headers["x-request-id"] and line["route"] == "/v1/broken/{user_id}"
    assert line["where"][-1].endswith(" broken")
    assert "jane" not in text
