"""The clock jumps, by an hour or a month, ahead or back: no slate is empty, no event is lost, nothing counts twice.

The clock of this process is moved, in which the server runs; the time that only goes on, which no correction of a clock
moves, goes on.
"""

import time

import httpx
import pytest

from serendip.service.keys import create
from serendip.store.lease import Lost
from serendip.store.project import Project
from serendip.store.store import Store

HOUR = 3_600  # seconds
HALF = 1_800_000  # ms: half an hour
JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR, 720 * HOUR, -720 * HOUR], ids=["1h", "-1h", "30d", "-30d"])


@pytest.fixture
def client(address):
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


@pytest.fixture
def clock(monkeypatch):
    """What the clock is ahead of the right time, in seconds: to be set."""
    ahead, seconds, nanoseconds = [0], time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: seconds() + ahead[0])
    monkeypatch.setattr(time, "time_ns", lambda: nanoseconds() + ahead[0] * 1_000_000_000)
    return ahead


def slate(client, user="u14", **more):
    answer = client.get(f"/v1/users/{user}/recommendations", params={"k": 5, **more})
    made = answer.json()
    assert answer.status_code == 200 and len(made["items"]) == 5 and made["degraded"] is None
    return [one["item_id"] for one in made["items"]], answer.headers["server-timing"]


def sent(client, **event):
    answer = client.post("/v1/events", json={"user_id": "u14", "type": "like", **event})
    assert answer.status_code == 200, answer.text
    return answer.json()["events"][0]["status"]


@JUMPS
def test_slates_are_full_and_events_are_kept_whichever_clock_dates_them(clock, client, jump):
    right = int(time.time() * 1000)
    before = slate(client)[0]
    for n, ahead in enumerate((jump, 0)):  # it jumps, and is set right
        clock[0] = ahead
        assert slate(client, "stranger")[0]
        item = before[n]
        assert sent(client, item_id=item, event_id=f"server{n}") == "recorded"
        assert sent(client, item_id="i40", event_id=f"browser{n}", timestamp=right) == "recorded"
        assert sent(client, item_id=item, event_id=f"server{n}") == "repeated"
        assert sent(client, item_id="i40", event_id=f"browser{n}", timestamp=right) == "repeated"
        assert item not in slate(client)[0]
    told = client.get("/v1/users/u14/recommendations", params={"history": True}).json()["history"]
    assert {*before[:2], "i40"} <= {one["item_id"] for one in told}


@JUMPS
def test_what_is_kept_for_a_while_is_kept_after_a_jump(clock, client, jump):
    made, from_cache = slate(client)[0], []
    for _ in range(5):  # a look for changes may just have emptied the cache
        for clock[0] in (0, jump):
            again, timing = slate(client)
            assert again == made
        from_cache.append(timing.startswith("cache;"))
    assert any(from_cache) if jump > 0 else not from_cache[0]  # set back, rules may hold anew
    assert any(slate(client)[1].startswith("cache;") for _ in range(5))


@JUMPS
def test_a_jump_gives_nobody_more_requests(clock, shop, address, jump):
    key = create(Project(shop / "project"), "slow", ["read"], rate=0.01).text
    with httpx.Client(base_url=address, headers={"authorization": f"Bearer {key}"}) as client:
        assert client.get("/v1/items").status_code == 200
        clock[0] = jump
        assert client.get("/v1/items").status_code == 429


@JUMPS
def test_a_rule_holds_by_the_clock_as_it_is(clock, client, jump):
    before, now = slate(client)[0], int(time.time() * 1000)
    within = {"kind": "pin", "item": "i59", "position": 1, "starts": now - HALF, "ends": now + HALF}
    assert client.put("/v1/rules/p", json=within).status_code == 200
    assert slate(client)[0][0] == "i59"
    clock[0] = jump
    assert slate(client)[0] == before
    clock[0] = 0
    assert slate(client)[0][0] == "i59"


@JUMPS
def test_of_two_holders_of_a_lease_one_acts(clock, shop, jump):
    with Store.open(shop / "project/serendip.db") as store:
        first, second = store.lease("work", 60.0), store.lease("work", 60.0)
        assert first.take() and not second.take()
        clock[0] = jump
        assert second.take()  # it is over by the clock, or was written by a wrong one
        with second.held():
            pass
        with pytest.raises(Lost), first.held():
            pass
        clock[0] = 0
        second.renew()
        assert not first.take()
