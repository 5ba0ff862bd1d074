"""What /metrics says after requests whose number is known, of one process and of several."""

import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serendip.service.counters import REGISTRY


def until(what):
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def read(client):
    """Return every sample as (name, labels) -> value."""
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(answer.text)
        for one in family.samples
    }


def grown(before, after, name, **labels):
    key = (name, frozenset(labels.items()))
    return after.get(key, 0.0) - before.get(key, 0.0)


SLATE = "/v1/users/{user_id}/recommendations"


def test_requests_are_counted_by_route_and_status(client):
    before = read(client)
    for n in range(3):
        client.get(f"/v1/users/u{n}/recommendations")
    client.get("/v1/users/u1/recommendations?k=0")  # goes the long way
    client.get("/v1/items/i1/similar")
    client.get("/v1/items/nothing/similar")
    client.get("/nothing/of/this/kind")
    after = read(client)
    requests = "serendip_requests_total"
    assert grown(before, after, requests, route=SLATE, method="GET", status="200") == 3
    assert grown(before, after, requests, route=SLATE, method="GET", status="422") == 1
    for status in ("200", "404"):
        assert grown(before, after, requests, route="/v1/items/{item_id}/similar", method="GET", status=status) == 1
    assert grown(before, after, requests, route="none", method="GET", status="404") == 1
    assert grown(before, after, "serendip_request_seconds_count", route=SLATE) == 4
    assert grown(before, after, "serendip_request_seconds_sum", route=SLATE) > 0
    for stage in ("history", "rank", "reasons"):
        assert grown(before, after, "serendip_stage_seconds_count", stage=stage) == 3
    assert after[("serendip_requests_under_way", frozenset())] == 1  # the one that asks


def test_no_label_holds_an_id(client):
    client.get("/v1/users/somebody-known/recommendations")
    client.get("/v1/items/some-thing/similar")
    client.get("/v1/somebody-known/x")
    client.request("SOMEBODY-KNOWN", "/v1/items")
    said = client.get("/metrics").text
    assert not re.search("somebody-known|some-thing", said, re.IGNORECASE)


def test_slates_are_counted_by_what_they_are_made_of(client):
    before = read(client)
    client.get("/v1/users/u1/recommendations?k=5")
    client.post("/v1/recommend", json={"history": [], "k": 4})  # the model knows nothing of a newcomer
    client.post("/v1/recommend", json={"history": [], "k": 1, "exclude": []})
    after = read(client)
    assert grown(before, after, "serendip_slates_total", pipeline="default") == 3
    items = {s: grown(before, after, "serendip_slate_items_total", source=s) for s in ("model", "fallback", "static")}
    assert sum(items.values()) == 10 and items["model"] >= 5
    assert grown(before, after, "serendip_slates_fallback_total", pipeline="default") == (2 if items["fallback"] else 0)


def test_an_empty_slate_is_counted(client):
    before = read(client)
    everything = [one["id"] for one in client.get("/v1/items", params={"q": "i", "k": 1000}).json()]
    slate = client.post("/v1/recommend", json={"history": everything}).json()
    assert slate["items"] == []
    assert grown(before, read(client), "serendip_slates_empty_total", pipeline="default") == 1


def test_how_the_process_is(client):
    until(lambda: read(client).get(("serendip_memory_bytes", frozenset()), 0) > 10e6)
    said = read(client)
    assert said["serendip_cpu_seconds_total", frozenset()] > 0
    assert 0 < said["serendip_model_age_seconds", frozenset()] < 3600


def test_workers_count_together_and_one_that_died_stays_counted(served):
    with served("--workers", 2) as (process, address), httpx.Client(base_url=address) as asking:
        parent = psutil.Process(process.pid)
        until(lambda: len(parent.children()) == 2)
        before = read(asking)

        def ask(n):
            return httpx.get(f"{address}/v1/users/u{n}/recommendations").status_code  # a connection each

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(ask, range(40))) == [200] * 40
        ok = {"route": SLATE, "method": "GET", "status": "200"}
        assert grown(before, read(asking), "serendip_requests_total", **ok) == 40
        until(lambda: read(asking)["serendip_memory_bytes", frozenset()] > 30e6)
        old = {child.pid for child in parent.children()}
    with served("--workers", 2) as (process, address):
        parent = psutil.Process(process.pid)
        for n in range(10):
            ask(n)
        old = parent.children()
        old[0].kill()
        until(lambda: len(parent.children()) == 2 and old[0] not in parent.children())
        with httpx.Client(base_url=address) as asking:
            assert read(asking)["serendip_requests_total", frozenset(ok.items())] == 10


def test_the_workers_leave_no_folder(served, tmp_path, monkeypatch):
    kept = tmp_path / "kept"
    kept.mkdir()
    monkeypatch.setenv("TMPDIR", str(kept))
    with served("--workers", 2) as (process, _):
        assert len(list(kept.glob("serendip-*"))) == 1
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        assert not list(kept.glob("serendip-*"))


def test_every_metric_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(serendip_\w+)` \| ([\w, ]*) ?\|", page, re.MULTILINE))
    made = {}
    for name, metric in REGISTRY._names_to_collectors.items():
        if name == next(iter(metric.describe())).name + ("_total" if metric._type == "counter" else ""):
            made[name] = ", ".join(metric._labelnames)
    assert {name: labels.strip() for name, labels in told.items()} == made


@pytest.mark.parametrize("path", ["/v1/users/u1/recommendations", "/v1/recommend"])
def test_an_answers_request_id_is_the_requests(client, path):
    answer = client.post(path, json={}) if path.endswith("recommend") else client.get(path)
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
