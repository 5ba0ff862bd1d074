"""More requests than a worker can take at once are turned away, so that those it takes are answered in time."""

import asyncio
import time
from collections.abc import Callable

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serendip.server.front import App, Receive, Scope, Send
from serendip.server.headers import ALWAYS, NOTHING
from serendip.server.keys import OPEN
from serendip.service.answer import Failure
from serendip.service.counters import SHED

PATIENCE = 0.2  # seconds
MANY = 4  # the share of `most` from which on requests are many is one in so many
BODY = msgspec.json.encode(Failure("overloaded", "too many requests wait: come again a little later"))
HEADERS = [
    (b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY)), (b"retry-after", b"1"),
    (b"cache-control", b"no-store"), (b"content-security-policy", NOTHING), *ALWAYS,
]  # fmt: skip
WRITTEN = b"HTTP/1.1 503 Service Unavailable\r\n%s\r\n%s" % (b"".join(b"%s: %s\r\n" % h for h in HEADERS), BODY)


class Shed:
    """ASGI, the outermost: answers 503 with Retry-After where `most` requests have come and are not answered yet, or
    where one has waited for others longer than PATIENCE while many are under way: behind a single slow one it waits on.

    Answering holds the event loop, so that requests pile up. Each therefore lets all that have come be counted before
    the first is answered. The clock is the thread's processor time: what others on the machine do is no reason to turn
    somebody away. Whether the server is well can be asked at any time.
    """

    def __init__(self, app: App, most: int, clock: Callable[[], float] = time.thread_time) -> None:
        self.app, self.most, self.clock, self.there = app, most, clock, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self.app(scope, receive, send)
            return
        if self.there >= self.most:
            await turn_away(send)
            return
        self.there += 1
        try:
            came = self.clock()
            await asyncio.sleep(0)
            if MANY * self.there > self.most and self.clock() - came > PATIENCE:
                await turn_away(send)
            else:
                await self.app(scope, receive, send)
        finally:
            self.there -= 1


async def turn_away(send: Send) -> None:
    """Answer a request that is not taken."""
    SHED.inc()
    await send({"type": "http.response.start", "status": 503, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


def protocol(most: int) -> type[HttpToolsProtocol]:
    """Return HTTP as a server speaks it that turns requests away before it has read them: a tenth of the work.

    It does so for a GET that came whole, where `most` requests are under way; `Shed` does for all others.
    """

    class Protocol(HttpToolsProtocol):
        between = True  # no request is half read

        def on_message_begin(self) -> None:
            self.between = False
            super().on_message_begin()

        def on_message_complete(self) -> None:
            self.between = True
            super().on_message_complete()

        def data_received(self, data: bytes) -> None:
            idle = self.between and (self.cycle is None or self.cycle.response_complete)
            if len(self.tasks) < most or not (idle and whole(data)):
                super().data_received(data)
                return
            self._unset_keepalive_if_required()
            SHED.inc()
            self.transport.write(WRITTEN)

    return Protocol


def whole(data: bytes) -> bool:
    """Return whether bytes are one request that has no body, and does not ask whether the server is well."""
    return (
        data.startswith(b"GET ")
        and not data.startswith(b"GET /v1/health/")
        and data.find(b"\r\n\r\n") == len(data) - 4
        and b" HTTP/1.1\r\n" in data
        and b"\r\ncontent-length:" not in data.lower()
        and b"\r\ntransfer-encoding:" not in data.lower()
    )
