"""More requests than can be taken: those that are taken are answered, the others told at once when to come again."""

import asyncio
import socket
import threading
import time

import httpx
import pytest
import uvicorn

from serendip.server.shed import BODY, PATIENCE, WRITTEN, Shed, protocol, whole

MOST = 3


class Held:
    """An app whose answers wait until they are let go; it knows how many it answered at once at most."""

    def __init__(self):
        self.go, self.now, self.most = asyncio.Event(), 0, 0

    async def __call__(self, scope, receive, send):
        self.now += 1
        self.most = max(self.most, self.now)
        await self.go.wait()
        self.now -= 1
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


def asked(client, path="/v1/items"):
    return asyncio.create_task(client.get(path))


def test_no_more_are_taken_than_the_bound_and_the_others_are_told_when_to_come_again():
    async def run():
        held = Held()
        transport = httpx.ASGITransport(Shed(held, MOST))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            several = [asked(client) for _ in range(4 * MOST)]
            health = asked(client, "/v1/health/live")
            done, waiting = await asyncio.wait(several, timeout=0.2)
            assert (len(done), len(waiting), held.now) == (3 * MOST, MOST, MOST + 1)
            for one in done:
                answer = one.result()
                assert answer.status_code == 503 and answer.json()["code"] == "overloaded"
                assert answer.headers["retry-after"] == "1" and answer.headers["x-content-type-options"] == "nosniff"
            held.go.set()
            assert {(await one).status_code for one in [*waiting, health]} == {200}
            assert (await client.get("/v1/items")).status_code == 200  # and there is room again
            assert held.most == MOST + 1

    asyncio.run(run())


@pytest.mark.parametrize(("waits", "status"), [(0.9 * PATIENCE, 200), (1.1 * PATIENCE, 503)])
def test_who_has_waited_too_long_for_others_is_turned_away(waits, status):
    async def run():
        held = Held()
        held.go.set()
        clock = iter([5.0, 5.0 + waits])
        transport = httpx.ASGITransport(Shed(held, MOST, lambda: next(clock)))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            assert (await client.get("/v1/items")).status_code == status

    asyncio.run(run())


def test_behind_a_single_slow_answer_a_request_waits():
    async def run():
        held = Held()
        held.go.set()
        clock = iter([5.0, 5.0 + 10 * PATIENCE])
        transport = httpx.ASGITransport(Shed(held, 64, lambda: next(clock)))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            assert (await client.get("/v1/items")).status_code == 200

    asyncio.run(run())


@pytest.fixture
def listening():
    """A real server whose one route waits, with the protocol that turns away unread: its port and what lets go."""
    go, there = threading.Event(), threading.Semaphore(0)

    async def app(scope, receive, send):
        if scope["path"] == "/wait":
            there.release()
            while not go.is_set():
                await asyncio.sleep(0.005)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    config = uvicorn.Config(app, http=protocol(MOST), log_level="critical", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        thread = threading.Thread(target=server.run, args=([bound],))
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield bound.getsockname(), go, there
        go.set()
        server.should_exit = True
        thread.join()


def sent(link, text):
    link.sendall(text)
    return link.recv(4096)


def test_a_request_is_turned_away_unread_and_the_connection_goes_on(listening):
    where, go, there = listening
    get, health = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /v1/health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    links = [socket.create_connection(where, 10) for _ in range(MOST + 2)]
    for link in links[:MOST]:
        link.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        assert there.acquire(timeout=10)
    last, half = links[MOST:]
    assert sent(last, get) == WRITTEN and sent(last, get) == WRITTEN
    assert sent(last, health).endswith(b"ok")  # the app is asked
    half.sendall(b"GET /x HTTP/1.1\r\nX-Odd: ")  # a header whose value looks like a request is not one
    time.sleep(0.05)
    assert sent(half, get).endswith(b"ok")
    go.set()
    assert all(link.recv(4096).endswith(b"ok") for link in links[:MOST])
    while not sent(last, get).endswith(b"ok"):  # an answer is there a moment before its request is done with
        pass
    for link in links:
        link.close()


def test_only_a_whole_request_without_a_body_is_turned_away_unread():
    assert whole(b"GET /v1/items HTTP/1.1\r\nHost: a\r\n\r\n")
    for other in (
        b"GET /v1/items HTTP/1.1\r\nHost: a\r\n", b"POST /v1/events HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\n", b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /v1/health/ready HTTP/1.1\r\n\r\n",
    ):  # fmt: skip
        assert not whole(other), other
    assert WRITTEN.endswith(BODY)
