"""Events over HTTP: each once, on disk, reflected by the next answer."""

import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from serendip.errors import Unavailable
from serendip.server import ServerSettings, create_app
from serendip.service.record import Busy, Recorder, possible
from serendip.store.store import Store

DAY = 86_400_000


def told(client, events):
    """Return how many events were new, and how many had been recorded before."""
    done = client.post("/v1/events", json=events).json()
    return done["new"], done["repeated"]


def slate(client, user):
    return client.get(f"/v1/users/{user}/recommendations", params={"history": True}).json()


def test_the_next_answer_reflects_an_event(client):
    first = slate(client, "u14")["items"][0]["item_id"]
    done = client.post("/v1/events", json={"user_id": "u14", "item_id": first}).json()
    assert done == {"new": 1, "repeated": 0, "events": [{"status": "recorded"}]}
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
    assert told(client, event) == (1, 0)
    assert told(client, [event, event]) == (0, 2)
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
    assert told(client, many[:1000]) == (1000, 0)
    refused = client.post("/v1/events", json=many)
    assert refused.status_code == 422
    assert "at most 1000" in refused.json()["message"]
    assert client.get("/v1/users", params={"q": "m1000"}).json() == []
    assert told(client, []) == (0, 0)


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
def test_an_event_of_the_wrong_form_is_refused_and_stops_no_other(client, wrong):
    refused = client.post("/v1/events", json=GOOD | wrong)
    assert refused.status_code == 422, refused.text
    assert list(refused.json()) == ["code", "message"]
    done = client.post("/v1/events", json=[GOOD | {"event_id": "good"}, GOOD | wrong, GOOD])
    assert done.status_code == 200, done.text
    assert [event["status"] for event in done.json()["events"]] == ["recorded", "invalid", "recorded"]
    assert done.json()["events"][1]["reason"]
    assert told(client, GOOD | {"event_id": "good"}) == (0, 1)


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
    assert 0 < told(client, many)[0] < 127
    refused = client.post("/v1/events", json=many[-1])
    assert refused.status_code == 422 and "types of events" in refused.json()["message"]
    assert told(client, GOOD | {"type": "purchase"}) == (1, 0)


def test_another_body_under_the_same_id_is_a_conflict(client):
    event = GOOD | {"event_id": "a", "type": "view"}
    assert told(client, event) == (1, 0)
    refused = client.post("/v1/events", json=event | {"type": "like"})
    assert refused.status_code == 422 and refused.json()["code"] == "conflict"
    done = client.post("/v1/events", json=[event | {"type": "like"}, event, GOOD]).json()
    assert [one["status"] for one in done["events"]] == ["conflict", "repeated", "recorded"]


def test_a_hide_and_a_like_act_at_once_and_so_does_taking_them_back(client):
    before = shown(client, "u14")
    first = before[0]
    event = {"user_id": "u14", "item_id": first, "type": "hide", "event_id": "h"}
    assert told(client, event) == (1, 0)
    assert first not in shown(client, "u14")
    undo = {"user_id": "u14", "item_id": first, "type": "undo", "undoes": "h"}
    assert told(client, undo) == (1, 0)
    assert shown(client, "u14") == before
    assert told(client, {"user_id": "u14", "item_id": first, "type": "dislike"}) == (1, 0)
    assert first not in shown(client, "u14")
    assert told(client, {"user_id": "u14", "item_id": first, "type": "undo", "undoes_type": "dislike"}) == (1, 0)
    assert shown(client, "u14") == before
    general = shown(client, "somebody")
    told(client, {"user_id": "somebody", "item_id": "i40", "type": "like"})
    assert shown(client, "somebody") != general
    told(client, {"user_id": "somebody", "item_id": "i40", "type": "undo", "undoes_type": "like"})
    assert shown(client, "somebody") == general


def shown(client, user):
    return [item["item_id"] for item in slate(client, user)["items"]]


def test_many_at_once_are_written_together_and_none_is_lost(client, shop):
    def send(n):
        return told(client, {"user_id": f"m{n // 2 % 7}", "item_id": "i1", "event_id": f"one-{n // 2}"})

    with ThreadPoolExecutor(16) as threads:
        done = list(threads.map(send, range(200)))
    assert sum(new for new, _ in done) == 100 and sum(again for _, again in done) == 100
    with Store.open(shop / "project/serendip.db", create=False) as store:
        assert store.counts().events == 240 * 7 + 100


class Slow:
    """A store that takes its time, as a disk may: the rest is the real one."""

    def __init__(self, store):
        self.store, self.go, self.groups = store, threading.Event(), []

    def record(self, facts):
        self.go.wait()
        self.groups.append(len(facts))
        return self.store.record(facts)


def test_more_than_can_wait_is_refused_and_what_waits_is_written(tmp_path):
    facts = [possible(GOOD) for _ in range(4)]
    with Store.open(tmp_path / "s.db") as store:
        slow = Slow(store)
        recorder = Recorder(slow, most=10)
        futures = [recorder.put(facts), recorder.put(facts)]
        with pytest.raises(Busy, match="8 events wait"):
            recorder.put(facts)
        slow.go.set()
        assert [len(future.result(30)) for future in futures] == [4, 4]
        recorder.stop()
        with pytest.raises(Unavailable):
            recorder.put(facts)
        assert store.counts().events == 8 and len(slow.groups) <= 2


def test_what_one_request_brings_is_no_fault_of_another(tmp_path):
    with Store.open(tmp_path / "s.db") as store:
        slow = Slow(store)
        recorder = Recorder(slow)
        good = possible(GOOD)
        futures = [recorder.put([fact]) for fact in (good, good, good._replace(value=object()), good)]
        futures.append(recorder.put([good._replace(user_id="\ud800")]))
        slow.go.set()
        assert [future.exception(30) is None for future in futures] == [True, True, False, True, False]
        recorder.stop()


def test_a_full_disk_refuses_events_and_nothing_else(shop, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("a small file system can be mounted by root only")
    try:
        shutil.copytree(shop / "project", disk / "project")
        with TestClient(create_app(ServerSettings(disk / "project"))) as client:
            ballast = disk / "ballast"
            ballast.write_bytes(bytes(shutil.disk_usage(disk).free - 300_000))
            many = [GOOD | {"context": {"padding": "x" * 500}} for _ in range(1000)]
            statuses = [client.post("/v1/events", json=many) for _ in range(4)]
            refused = statuses[-1]
            assert refused.status_code == 503 and "disk" in refused.json()["message"]
            assert refused.headers["retry-after"] == "1"
            kept = 1000 * sum(answer.status_code == 200 for answer in statuses)
            assert client.get("/v1/users/u14/recommendations").json()["degraded"] is None
            ballast.unlink()
            assert told(client, [GOOD] * 10) == (10, 0)
        with Store.open(disk / "project/serendip.db", create=False) as store:
            assert store.counts().events == 240 * 7 + kept + 10
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_of_who_opted_out_nothing_is_recorded_and_the_slate_is_not_personal(client, shop):
    with Store.open(shop / "project/serendip.db", create=False) as store:
        personal = shown(client, "u14")
        store.opt_out("u14")
        done = client.post("/v1/events", json={"user_id": "u14", "item_id": "i1"}).json()
        assert [one["status"] for one in done["events"]] == ["opted_out"] and done["new"] == 0
        assert shown(client, "u14") == shown(client, "nobody") != personal
        store.opt_out("u14", False)
    assert shown(client, "u14") == personal
