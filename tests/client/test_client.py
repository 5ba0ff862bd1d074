"""Both Python clients against real servers: typed answers, repetition, waiting, and what is never asked twice."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import serendip
from serendip.client import AsyncClient, Client, Refused, Unanswered
from serendip.errors import UserError
from serendip.service.answer import Explanation, Found, SimilarItems, Slate
from serendip.service.keys import create
from serendip.store.project import Project


class Awaited:
    """The asynchronous client, called as the other one is: an event loop of its own, in a thread."""

    def __init__(self, *given, **named):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        try:
            self.client = AsyncClient(*given, **named)
        except BaseException:
            self.stop()
            raise

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def __getattr__(self, name):
        return lambda *given, **named: self.run(getattr(self.client, name)(*given, **named))

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run(self.client.close())
        self.stop()


@pytest.fixture(params=[Client, Awaited], ids=["sync", "async"])
def kind(request):
    return request.param


def test_the_package_names_them():
    assert serendip.Client is Client and serendip.AsyncClient is AsyncClient


def test_answers_are_typed(kind, address):
    with kind(address) as client:
        slate = client.recommend("u14", 3, history=True)
        assert isinstance(slate, Slate) and len(slate.items) == 3 and len(slate.history) == 7
        assert slate.items[0].title.startswith("Thing")
        assert len(client.recommend_for(["i33", {"item_id": "i34", "type": "purchase"}], 4, exclude=["i35"]).items) == 4
        assert isinstance(client.similar("i33", 2), SimilarItems)
        explained = client.explain("u14", slate.items[0].item_id)
        assert isinstance(explained, Explanation)
        assert sum(part.weight for part in explained.contributions) == pytest.approx(explained.score, rel=1e-4)
        assert client.items("thing 33", 1) == [Found("i33", "Thing 33 of taste 3")]
        assert client.users("u14")[0].id == "u14"
        odd = client.recommend("a/b ü?&#%")
        assert odd.user_id == "a/b ü?&#%" and not odd.known
        assert client.recommend("u14", context={"device": "phone"}).items


def test_events_are_recorded_once_and_act_at_once(kind, address):
    event = {"user_id": "new one", "item_id": "i7", "type": "purchase", "event_id": "mine", "value": None}
    with kind(address) as client:
        assert client.record([event, {"user_id": "new one", "item_id": "i8"}]).new == 2
        again = client.record([event, {"user_id": "new one", "item_id": "i9", "timestamp": 5}])
        assert again.repeated == 1 and [one.status for one in again.events] == ["repeated", "invalid"]
        assert {past.item_id for past in client.recommend("new one", history=True).history} == {"i7", "i8"}


def test_what_cannot_be_answered_is_raised_and_not_repeated(kind, address):
    with kind(address) as client:
        began = time.monotonic()
        with pytest.raises(Refused, match="did you mean 'i1'") as raised:
            client.similar("i1x")
        assert (raised.value.status, raised.value.code) == (404, "not_found")
        with pytest.raises(Refused) as raised:
            client.recommend("u1", 5000)
        assert raised.value.status == 422
        with pytest.raises(UserError, match="at most 1000 events"):
            client.record([{"user_id": "u", "item_id": "i"}] * 1001)
        assert time.monotonic() - began < 5


def test_a_key_is_sent(kind, shop, address):
    text = create(Project(shop / "project"), "web", ["read"]).text
    time.sleep(0.3)
    with kind(address) as client, pytest.raises(Refused) as raised:
        client.recommend("u1")
    assert raised.value.status == 401
    with kind(address, key=text) as client:
        assert client.recommend("u1").items
        with pytest.raises(Refused) as raised:
            client.record([{"user_id": "u1", "item_id": "i1"}])
        assert raised.value.code == "out_of_scope"


def test_many_at_once(address):
    with Client(address) as client, ThreadPoolExecutor(8) as pool:
        assert all(len(one.items) == 2 for one in pool.map(lambda n: client.recommend(f"u{n}", 2), range(64)))

    async def together():
        async with AsyncClient(address) as client:
            return await asyncio.gather(*(client.recommend(f"u{n}", 2) for n in range(64)))

    assert [slate.user_id for slate in asyncio.run(together())] == [f"u{n}" for n in range(64)]


@pytest.fixture
def moody():
    """A server that does to each request the next thing of a list; (address, what to do, the bodies that came)."""
    script, bodies, when = [], [], []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            when.append(time.monotonic())
            status, headers = script.pop(0)
            if status == "drop":  # after it was read: whether it was recorded nobody knows
                self.connection.close()
                self.close_connection = True
                return
            if status == "stall":
                time.sleep(0.6)
                status = 503
            text = (
                b'{"new": 1, "repeated": 0, "events": []}'
                if status == 200
                else b'{"code": "busy", "message": "too much to do"}'
            )
            if status == "page":
                status, text = 200, b"<html>Welcome to the hotel</html>"
            self.send_response(status)
            for name, value in {"Content-Length": len(text), **headers}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

        def handle(self):
            with suppress(OSError):
                super().handle()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", script, bodies, when
        server.shutdown()
        thread.join()


EVENT = {"user_id": "u", "item_id": "i"}


def test_a_repetition_has_the_same_event_id(kind, moody):
    address, script, bodies, _ = moody
    script += [("drop", {}), (503, {}), (429, {}), (200, {})]
    with kind(address) as client:
        assert client.record([EVENT, EVENT]).new == 1
    assert len(bodies) == 4 and all(body == bodies[0] for body in bodies)
    assert len({one["event_id"] for one in bodies[0]}) == 2
    assert bodies[0][0] | EVENT == bodies[0][0]


def test_it_waits_as_long_as_it_is_told(kind, moody):
    address, script, _, when = moody
    script += [(429, {"Retry-After": 1}), (200, {})]
    with kind(address) as client:
        client.record([EVENT])
    assert when[1] - when[0] >= 1.0


def test_it_does_not_wait_for_ever(kind, moody):
    address, script, bodies, _ = moody
    script += [(503, {"Retry-After": 3600})]
    with kind(address) as client, pytest.raises(Refused, match="too much to do"):
        client.record([EVENT])
    assert len(bodies) == 1


def test_it_gives_up_after_its_retries(kind, moody):
    address, script, bodies, _ = moody
    script += [(503, {})] * 3
    with kind(address, retries=2) as client, pytest.raises(Refused) as raised:
        client.record([EVENT])
    assert (raised.value.status, raised.value.code, len(bodies)) == (503, "busy", 3)


def test_an_attempt_ends_in_time(kind, moody):
    address, script, bodies, _ = moody
    script += [("stall", {}), (200, {})]
    with kind(address, timeout=0.2) as client:
        assert client.record([EVENT]).new == 1
    assert bodies[0] == bodies[1]


def test_a_fault_is_not_repeated_and_another_servers_page_is_no_answer(kind, moody):
    address, script, bodies, _ = moody
    script += [(500, {}), ("page", {})]
    with kind(address) as client:
        with pytest.raises(Refused):
            client.record([EVENT])
        assert len(bodies) == 1
        with pytest.raises(Refused, match="none of a Serendip server"):
            client.record([EVENT])


def test_nobody_there_is_said(kind):
    with (
        kind("http://127.0.0.1:9", retries=1) as client,
        pytest.raises(Unanswered, match=r"127\.0\.0\.1:9 did not answer"),
    ):
        client.recommend("u1")


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "ftp://x", "http://", "http://x:port", ""])
def test_an_address_that_is_none_is_said(kind, address):
    with pytest.raises(UserError, match="a server's address is such as"):
        kind(address)


def test_a_connection_that_was_closed_meanwhile_is_made_anew(kind, served):
    with kind("http://127.0.0.1:1") as client:
        with served() as (process, address):
            port = int(address.rpartition(":")[2])
            target = client.client if isinstance(client, Awaited) else client
            target.server = type(target.server).at(address, None)
            assert client.recommend("u1").items
            process.kill()
            process.wait(20)
        with served(port=port):
            target.retries = 0
            assert client.recommend("u1").items
