"""More requests than a worker can answer in time wait their turn, unread; those that wait too long are turned away."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import ClassVar

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serendip.server.front import App, Receive, Scope, Send
from serendip.server.headers import ALWAYS, NOTHING
from serendip.server.keys import OPEN
from serendip.server.transport import Transport
from serendip.service.answer import Failure
from serendip.service.counters import SHED

PATIENCE = 0.2  # seconds of processor time
MANY = 4  # the share of `most` from which on requests are many is one in so many
WAITS = 0.5  # seconds that one waits its turn among too many
SEATS = 8  # one in so many of `most` may be under way at once: what has begun goes on before what comes meanwhile
EVERY = 0.05  # seconds between two looks at who has waited too long
LONG = 1 << 16  # bytes of requests that one connection may let wait
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


class Room:
    """Where a worker's GETs wait, as bytes, until one of its `seats` is free.

    While no more than `most` wait, the first to come is the first to go in, and all do. Where more wait, whoever went
    in by that order would be late: the newest goes first, and whoever has waited longer than WAITS is turned away. So
    turning away is rare however many come, since each connection waits meanwhile; at once, it would take the time that
    answers need.
    """

    def __init__(self, most: int) -> None:
        self.most, self.seats, self.taken = most, max(1, most // SEATS), 0
        self.waiting: deque[tuple[float, Guest]] = deque()
        self.looks = False

    def hold(self, guest: "Guest") -> None:
        """Let a guest wait."""
        self.waiting.append((guest.loop.time(), guest))
        if not self.looks:
            self.looks = True
            guest.loop.call_later(EVERY, self.look, guest.loop)

    def fill(self) -> None:
        """Let in as many as there are free seats."""
        while self.waiting and self.taken < self.seats:
            crowd = len(self.waiting) > self.most
            _, guest = self.waiting.pop() if crowd else self.waiting.popleft()
            guest.enter()

    def look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Turn away those who have waited too long among too many."""
        late = loop.time() - WAITS
        while len(self.waiting) > self.most and self.waiting[0][0] < late:
            self.waiting.popleft()[1].refuse()
        self.looks = bool(self.waiting)
        if self.looks:
            loop.call_later(EVERY, self.look, loop)


class Guest(HttpToolsProtocol):
    """One connection: HTTP as a server speaks it, whose GETs that came whole wait in a room before they are parsed."""

    room: ClassVar[Room]
    between = True  # no request is half read
    held = b""  # what waits
    seated = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Transport(transport, self.loop))  # type: ignore[arg-type]

    def on_message_begin(self) -> None:
        self.between = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self.between = True
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        if self.held:
            self.held += data
            if len(self.held) > LONG:
                self.transport.close()
        elif not (self.between and (self.cycle is None or self.cycle.response_complete) and whole(data)):
            super().data_received(data)
        else:
            self.held = data
            if self.room.taken < self.room.seats:
                self.enter()
            else:
                self._unset_keepalive_if_required()
                self.room.hold(self)

    def enter(self) -> None:
        """Take a seat, and let what waited be read."""
        data, self.held = self.held, b""
        if not data or self.transport.is_closing():
            return
        self.seated = True
        self.room.taken += 1
        super().data_received(data)
        if not self.between:  # it could not be read: nobody will answer
            self.seated = False
            self.room.taken -= 1

    def leave(self) -> None:
        """Give up the seat to whoever waits."""
        if self.seated:
            self.seated = False
            self.room.taken -= 1
            self.room.fill()

    def refuse(self) -> None:
        """Turn away what waited, unread."""
        data, self.held = self.held, b""
        if not data or self.transport.is_closing():
            return
        SHED.inc()
        self.transport.write(WRITTEN)
        if b"\r\nconnection: close" in data.lower():
            self.transport.close()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.leave()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.held = b""
        self.leave()

    def shutdown(self) -> None:
        self.enter()  # what has come is answered
        super().shutdown()


def protocol(most: int) -> type[Guest]:
    """Return HTTP as one worker speaks it, of whose GETs `most` wait before any is turned away."""

    class Here(Guest):
        room = Room(most)

    return Here


def whole(data: bytes) -> bool:
    """Return whether bytes are one request that has no body, and does not ask whether the server is well."""
    if not (data.startswith(b"GET ") and data.find(b"\r\n\r\n") == len(data) - 4 and b" HTTP/1.1\r\n" in data):
        return False
    lower = data.lower()
    return not (
        data.startswith(b"GET /v1/health/")
        or b"\r\ncontent-length:" in lower
        or b"\r\ntransfer-encoding:" in lower
        or b"\r\nupgrade:" in lower
    )
