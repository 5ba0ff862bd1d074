"""A client whose answers are awaited: asyncio's streams, and h11 for HTTP, which the server's own packages bring."""

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, TypeVar

import h11

from serendip.client import ask
from serendip.client.ask import Ask
from serendip.client.exchange import Reply, Server, exchange
from serendip.service.answer import Explanation, Found, Recorded, SimilarItems, Slate

T = TypeVar("T")
CHUNK = 1 << 16  # bytes


class Link(NamedTuple):
    """An open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: h11.Connection


class AsyncClient:
    """Asks a server, as `Client` does; any number of requests may be under way in one event loop."""

    def __init__(self, address: str, *, key: str | None = None, timeout: float = 5.0, retries: int = 3) -> None:
        self.server, self.timeout, self.retries = Server.at(address, key), timeout, retries
        self._idle: deque[Link] = deque()
        self._tls = ssl.create_default_context() if self.server.tls else None

    async def recommend(
        self,
        user_id: str | int,
        k: int | None = None,
        *,
        history: bool = False,
        context: Mapping[str, str | int | float] | None = None,
    ) -> Slate:
        """Return a user's slate; history: with the user's last events."""
        return await self.send(ask.recommend(user_id, k, history, context))

    async def recommend_for(
        self,
        history: Sequence[str | int | Mapping[str, object]],
        k: int | None = None,
        *,
        exclude: Sequence[str | int] = (),
        context: Mapping[str, str | int | float | bool | None] | None = None,
    ) -> Slate:
        """Return the slate of whoever brings this history: item ids or events, the oldest first."""
        return await self.send(ask.recommend_for(history, k, exclude, context))

    async def similar(self, item_id: str | int, k: int | None = None) -> SimilarItems:
        """Return the items most like one."""
        return await self.send(ask.similar(item_id, k))

    async def explain(self, user_id: str | int, item_id: str | int) -> Explanation:
        """Return the contributions to an item's score."""
        return await self.send(ask.explain(user_id, item_id))

    async def items(self, text: str, k: int | None = None) -> list[Found]:
        """Return items whose id begins with a text, or whose title holds its words."""
        return await self.send(ask.find("items", text, k))

    async def users(self, text: str, k: int | None = None) -> list[Found]:
        """Return users whose id begins with a text."""
        return await self.send(ask.find("users", text, k))

    async def record(self, events: Sequence[Mapping[str, object]]) -> Recorded:
        """Record up to 1,000 events, each once however often they are sent; they are on disk when this returns."""
        return await self.send(ask.record(events))

    async def send(self, asked: Ask[T]) -> T:
        """Send a request, again where that may help, and return its answer."""
        steps = exchange(asked, self.server, self.retries)
        wait = next(steps)
        try:
            while True:
                await asyncio.sleep(wait)
                wait = steps.send(await self._attempt(asked))
        except StopIteration as done:
            answer: T = done.value
            return answer

    async def _attempt(self, asked: Ask[T]) -> Reply | Exception:
        try:
            async with asyncio.timeout(self.timeout):
                if self._idle:
                    try:
                        return await self._over(self._idle.pop(), asked)
                    except (ConnectionError, h11.RemoteProtocolError):  # the server closed it meanwhile
                        pass
                return await self._over(await self._link(), asked)
        except TimeoutError:
            return TimeoutError("timed out")
        except (OSError, h11.RemoteProtocolError) as error:
            return error

    async def _link(self) -> Link:
        reader, writer = await asyncio.open_connection(self.server.host, self.server.port, ssl=self._tls)
        return Link(reader, writer, h11.Connection(h11.CLIENT))

    async def _over(self, link: Link, asked: Ask[T]) -> Reply:
        body = asked.body or b""
        headers = {"Host": self.server.name, **self.server.headers, "Content-Length": str(len(body))}
        if asked.body is not None:
            headers["Content-Type"] = "application/json"
        request = h11.Request(method=asked.method, target=self.server.prefix + asked.path, headers=[*headers.items()])
        try:
            for event in (request, h11.Data(data=body), h11.EndOfMessage()):
                link.writer.write(link.state.send(event) or b"")
            await link.writer.drain()
            reply = await answered(link)
        except BaseException:
            link.writer.close()
            raise
        if link.state.our_state is link.state.their_state is h11.DONE:
            link.state.start_next_cycle()
            self._idle.append(link)
        else:
            link.writer.close()
        return reply

    async def close(self) -> None:
        """Close the connections."""
        while self._idle:
            writer = self._idle.pop().writer
            writer.close()
            await writer.wait_closed()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def answered(link: Link) -> Reply:
    """Return the answer that comes over a connection."""
    status, retry_after, body = 0, None, bytearray()
    while True:
        event = link.state.next_event()
        if event is h11.NEED_DATA:
            link.state.receive_data(await link.reader.read(CHUNK))
        elif isinstance(event, h11.Response):
            status = event.status_code
            retry_after = next((v.decode("latin-1") for n, v in event.headers if n == b"retry-after"), None)
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            return Reply(status, bytes(body), retry_after)
        elif isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("the connection was closed before the answer")
