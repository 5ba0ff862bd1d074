"""SIGTERM under load: what the server took is answered, and nothing is recorded that was not acknowledged."""

import signal
import threading
from http.client import HTTPConnection, HTTPException

import pytest

from serendip.store.store import Store


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_taken_is_answered(served, shop, workers):
    acknowledged, odd, enough = set(), [], threading.Event()

    def send(thread, port):
        for n in range(100_000):
            name = f"{thread}-{n}"
            connection = HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                body = f'{{"user_id": "u1", "item_id": "i1", "event_id": "{name}"}}'
                connection.request("POST", "/v1/events", body, {"Connection": "close"})
                status = connection.getresponse().status
                acknowledged.add(name) if status == 200 else odd.append(status)
            except (OSError, HTTPException):
                if process.poll() is not None or stopping.is_set():
                    return  # nobody took it
                raise
            finally:
                connection.close()
            if len(acknowledged) > 100:
                enough.set()

    stopping = threading.Event()
    with served("--workers", workers) as (process, address):
        port = int(address.rpartition(":")[2])
        threads = [threading.Thread(target=send, args=(n, port)) for n in range(8)]
        for thread in threads:
            thread.start()
        assert enough.wait(30)
        stopping.set()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM
        for thread in threads:
            thread.join(30)
    assert not odd
    with Store.open(shop / "project/serendip.db", create=False) as store:
        ids = store.events_since()
    assert len(ids) == 240 * 7 + len(acknowledged)
