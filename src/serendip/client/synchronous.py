"""A client that waits for its answers, on the standard library's connections, which it keeps open."""

import ssl
import time
from collections import deque
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import TracebackType
from typing import TypeVar

from serendip.client import ask
from serendip.client.ask import Ask
from serendip.client.exchange import Reply, Server, exchange
from serendip.service.answer import Explanation, Found, Recorded, SimilarItems, Slate

T = TypeVar("T")


class Client:
    """Asks a server. Threads may share one. Each call may raise `Refused` or `Unanswered`.

    address: such as http://127.0.0.1:8000; key: as `serendip keys create` gave it; timeout: seconds that one attempt
    may take; retries: how often a request is sent again.

    >>> with Client("http://127.0.0.1:8000", key="srd_...") as client:  # doctest: +SKIP
    ...     slate = client.recommend("u6", k=5)
    """

    def __init__(self, address: str, *, key: str | None = None, timeout: float = 5.0, retries: int = 3) -> None:
        self.server, self.timeout, self.retries = Server.at(address, key), timeout, retries
        self._idle: deque[HTTPConnection] = deque()
        self._tls = ssl.create_default_context() if self.server.tls else None

    def recommend(
        self,
        user_id: str | int,
        k: int | None = None,
        *,
        history: bool = False,
        context: Mapping[str, str | int | float] | None = None,
    ) -> Slate:
        """Return a user's slate; history: with the user's last events."""
        return self.send(ask.recommend(user_id, k, history, context))

    def recommend_for(
        self,
        history: Sequence[str | int | Mapping[str, object]],
        k: int | None = None,
        *,
        exclude: Sequence[str | int] = (),
        context: Mapping[str, str | int | float | bool | None] | None = None,
    ) -> Slate:
        """Return the slate of whoever brings this history: item ids or events, the oldest first."""
        return self.send(ask.recommend_for(history, k, exclude, context))

    def similar(self, item_id: str | int, k: int | None = None) -> SimilarItems:
        """Return the items most like one."""
        return self.send(ask.similar(item_id, k))

    def explain(self, user_id: str | int, item_id: str | int) -> Explanation:
        """Return the contributions to an item's score."""
        return self.send(ask.explain(user_id, item_id))

    def items(self, text: str, k: int | None = None) -> list[Found]:
        """Return items whose id begins with a text, or whose title holds its words."""
        return self.send(ask.find("items", text, k))

    def users(self, text: str, k: int | None = None) -> list[Found]:
        """Return users whose id begins with a text."""
        return self.send(ask.find("users", text, k))

    def record(self, events: Sequence[Mapping[str, object]]) -> Recorded:
        """Record up to 1,000 events, each once however often they are sent; they are on disk when this returns."""
        return self.send(ask.record(events))

    def send(self, asked: Ask[T]) -> T:
        """Send a request, again where that may help, and return its answer."""
        steps = exchange(asked, self.server, self.retries)
        wait = next(steps)
        try:
            while True:
                time.sleep(wait)
                wait = steps.send(self._attempt(asked))
        except StopIteration as done:
            answer: T = done.value
            return answer

    def _attempt(self, asked: Ask[T]) -> Reply | Exception:
        try:
            old = self._idle.pop()
        except IndexError:
            old = None
        if old is not None:
            try:
                return self._over(old, asked)
            except (ConnectionError, HTTPException):  # the server closed it meanwhile
                pass
            except OSError as error:
                return error
        try:
            return self._over(self._connection(), asked)
        except (OSError, HTTPException) as error:
            return error

    def _connection(self) -> HTTPConnection:
        if self._tls is not None:
            return HTTPSConnection(self.server.host, self.server.port, timeout=self.timeout, context=self._tls)
        return HTTPConnection(self.server.host, self.server.port, timeout=self.timeout)

    def _over(self, connection: HTTPConnection, asked: Ask[T]) -> Reply:
        kind = {} if asked.body is None else {"Content-Type": "application/json"}
        try:
            connection.request(asked.method, self.server.prefix + asked.path, asked.body, self.server.headers | kind)
            response = connection.getresponse()
            reply = Reply(response.status, response.read(), response.getheader("Retry-After"))
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return reply

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
