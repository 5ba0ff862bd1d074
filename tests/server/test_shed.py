"""More requests than can be taken: those that are taken are answered, the others told at once when to come again."""

import asyncio
import socket
import threading
import time

import httpx
import pytest
import uvicorn

from serendip.server.shed import BODY, PATIENCE, WAITS, WRITTEN, Shed, protocol, whole

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
    """A real server of one seat: its port, the paths in the order in which they got it, and what lets one answer go."""
    begun, go = [], threading.Semaphore(0)

    async def app(scope, receive, send):
        begun.append(scope["path"])
        while scope["path"] != "/v1/health/live" and not go.acquire(blocking=False):
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
        yield bound.getsockname(), begun, go, server
        go.release(100)
        server.should_exit = True
        thread.join()


def get(path):
    return b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode()


def sent(link, text):
    link.sendall(text)
    return link.recv(4096)


def in_a_row(where, n):
    """Connections that have each asked for a path of their own, one after the other."""
    links = []
    with socket.create_connection(where, 10) as other:
        for one in range(n):
            links.append(socket.create_connection(where, 10))
            links[-1].sendall(get(f"/{one}"))
            assert sent(other, get("/v1/health/live")).endswith(b"ok")  # what came before has been seen by then
    return links


def ended(links):
    for link in links:
        link.close()
    return True


def test_while_few_wait_they_come_in_turn_however_long_it_takes(listening):
    where, begun, go, _ = listening
    links = in_a_row(where, 1 + MOST)
    time.sleep(1.2 * WAITS)
    assert answered(begun) == ["/0"]
    go.release(1 + MOST)
    assert all(link.recv(4096).endswith(b"ok") for link in links) and ended(links)
    assert answered(begun) == [f"/{n}" for n in range(1 + MOST)]


def answered(begun):
    return [path for path in begun if path != "/v1/health/live"]


def test_of_too_many_the_newest_goes_first_and_who_has_waited_too_long_is_turned_away_unread(listening):
    where, begun, go, _ = listening
    links = in_a_row(where, 3 + MOST)
    go.release()
    assert links[0].recv(4096).endswith(b"ok")
    assert links[1].recv(4096) == WRITTEN  # the oldest of those that were too many
    while len(answered(begun)) < 2:
        time.sleep(0.005)
    assert answered(begun) == ["/0", f"/{2 + MOST}"]
    go.release(100)
    assert all(link.recv(4096).endswith(b"ok") for link in links[2:])
    assert "/1" not in begun and sent(links[1], get("/again")).endswith(b"ok") and ended(links)


def test_a_seat_is_free_again_where_its_connection_ends_or_what_came_cannot_be_read(listening):
    where, begun, go, _ = listening
    first, bad, last = in_a_row(where, 1)[0], *(socket.create_connection(where, 10) for _ in range(2))
    bad.sendall(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
    half, closing = (socket.create_connection(where, 10) for _ in range(2))
    half.sendall(b"GET /half HTTP/1.1\r\nX-Odd: ")  # a header whose value looks like a request is not one
    first.close()
    assert bad.recv(4096).startswith(b"HTTP/1.1 400")
    go.release(4)
    assert sent(last, get("/last")).endswith(b"ok") and sent(half, get("/x")).endswith(b"ok")
    assert sent(closing, get("/end").replace(b"Host", b"Connection: close\r\nHost")).endswith(b"ok")
    assert closing.recv(4096) == b"" and "/x" not in begun and ended([bad, last, half, closing])


def test_who_waits_while_the_server_is_to_stop_is_answered(listening):
    where, _, go, server = listening
    links = in_a_row(where, 3)
    server.should_exit = True
    go.release(100)
    assert all(link.recv(4096).endswith(b"ok") for link in links) and ended(links)


def test_only_a_whole_request_without_a_body_is_turned_away_unread():
    assert whole(b"GET /v1/items HTTP/1.1\r\nHost: a\r\n\r\n")
    for other in (
        b"GET /v1/items HTTP/1.1\r\nHost: a\r\n", b"POST /v1/events HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\n", b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /v1/health/ready HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
    ):  # fmt: skip
        assert not whole(other), other
    assert WRITTEN.endswith(BODY)
