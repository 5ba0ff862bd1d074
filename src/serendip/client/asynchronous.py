"""A client whose answers are awaited: asyncio's streams, and h11 for HTTP, which the server's own packages bring."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import h11

from serendip.client import routes
from serendip.client.ask import Ask, of_client
from serendip.client.exchange import Reply, Server, exchange

P = ParamSpec("P")
T = TypeVar("T")
CHUNK = 1 << 16  # bytes


class Link(NamedTuple):
    """An open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: h11.Connection


def awaited(ask: Callable[P, Ask[T]]) -> "Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]":
    """Return the method that sends what a route asks for, and whose answer is awaited."""

    @wraps(ask)
    async def method(client: "AsyncClient", /, *given: P.args, **named: P.kwargs) -> T:
        return await client.send(ask(*given, **named))

    method.__signature__ = of_client(ask)  # type: ignore[attr-defined]
    return method


class AsyncClient:
    """Asks a server, as `Client` does; any number of requests may be under way in one event loop."""

    def __init__(self, address: str, *, key: str | None = None, timeout: float = 5.0, retries: int = 3) -> None:
        self.server, self.timeout, self.retries = Server.at(address, key), timeout, retries
        self._idle: deque[Link] = deque()
        self._tls = ssl.create_default_context() if self.server.tls else None

    recommend = awaited(routes.recommend)
    recommend_for = awaited(routes.recommend_for)
    recommend_together = awaited(routes.recommend_together)
    similar = awaited(routes.similar)
    explain = awaited(routes.explain)
    onboarding = awaited(routes.onboarding)
    record = awaited(routes.record)
    items = awaited(routes.items)
    item = awaited(routes.item)
    put_item = awaited(routes.put_item)
    change_item = awaited(routes.change_item)
    delete_item = awaited(routes.delete_item)
    put_items = awaited(routes.put_items)
    users = awaited(routes.users)
    user = awaited(routes.user)
    put_user = awaited(routes.put_user)
    change_user = awaited(routes.change_user)
    put_users = awaited(routes.put_users)
    forget = awaited(routes.forget)
    opt_out = awaited(routes.opt_out)
    opt_in = awaited(routes.opt_in)
    rules = awaited(routes.rules)
    rule_history = awaited(routes.rule_history)
    put_rule = awaited(routes.put_rule)
    delete_rule = awaited(routes.delete_rule)
    models = awaited(routes.models)
    promote = awaited(routes.promote)
    roll_back = awaited(routes.roll_back)
    compare = awaited(routes.compare)

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
                if self._idle and not asked.once:
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
