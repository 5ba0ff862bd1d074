"""Many at once: events and slates, and a store that another process holds."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import httpx

from serendip.store.store import Store

THREADS, EACH = 8, 12


def test_eight_threads_write_and_read_and_nothing_is_lost(address, shop):
    def one(thread: int) -> None:
        with httpx.Client(base_url=address, timeout=30) as client:
            for n in range(EACH):
                item = f"i{(thread * EACH + n) % 60}"
                event = {"user_id": f"t{thread}", "item_id": item, "event_id": f"{thread}-{n}"}
                said = client.post("/v1/events", json=[event, event]).json()
                assert (said["new"], said["repeated"]) == (1, 1)
                slate = client.get(f"/v1/users/t{thread}/recommendations", params={"history": True}).json()
                assert item in {past["item_id"] for past in slate["history"]}
                assert item not in {shown["item_id"] for shown in slate["items"]}

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, range(THREADS)))
    with Store.open(shop / "project/serendip.db", create=False) as store:
        assert store.counts().events == 240 * 7 + THREADS * EACH


def test_reading_goes_on_while_another_process_holds_the_store(address, client, shop):
    held = sqlite3.connect(shop / "project/serendip.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=address, timeout=30) as other:
        waiting = pool.submit(other.post, "/v1/events", json={"user_id": "u1", "item_id": "i1", "event_id": "e"})
        for _ in range(20):
            assert client.get("/v1/users/u1/recommendations").status_code == 200
            assert client.get("/v1/health/ready").status_code == 200
        assert not waiting.done()
        held.execute("ROLLBACK")
        held.close()
        assert waiting.result().json()["new"] == 1
