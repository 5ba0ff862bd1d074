"""A client that waits for its answers, on the standard library's connections, which it keeps open."""

import ssl
import time
from collections import deque
from collections.abc import Callable
from functools import wraps
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from types import TracebackType
from typing import Concatenate, ParamSpec, TypeVar

from serendip.client import routes
from serendip.client.ask import Ask, of_client
from serendip.client.exchange import Reply, Server, exchange

P = ParamSpec("P")
T = TypeVar("T")


def waiting(ask: Callable[P, Ask[T]]) -> "Callable[Concatenate[Client, P], T]":
    """Return the method that sends what a route asks for and returns its answer."""

    @wraps(ask)
    def method(client: "Client", /, *given: P.args, **named: P.kwargs) -> T:
        return client.send(ask(*given, **named))

    method.__signature__ = of_client(ask)  # type: ignore[attr-defined]
    return method


class Client:
    """Asks a server: a method a route, as `routes.py` says it. Threads may share one.

    Each call may raise `Refused` or `Unanswered`.

    address: such as http://127.0.0.1:8000; key: as `serendip keys create` gave it; timeout: seconds that one attempt
    may take; retries: how often a request is sent again.

    >>> with Client("http://127.0.0.1:8000", key="srd_...") as client:  # doctest: +SKIP
    ...     slate = client.recommend("u6", k=5)
    """

    def __init__(self, address: str, *, key: str | None = None, timeout: float = 5.0, retries: int = 3) -> None:
        self.server, self.timeout, self.retries = Server.at(address, key), timeout, retries
        self._idle: deque[HTTPConnection] = deque()
        self._tls = ssl.create_default_context() if self.server.tls else None

    recommend = waiting(routes.recommend)
    recommend_for = waiting(routes.recommend_for)
    recommend_together = waiting(routes.recommend_together)
    similar = waiting(routes.similar)
    explain = waiting(routes.explain)
    onboarding = waiting(routes.onboarding)
    record = waiting(routes.record)
    items = waiting(routes.items)
    item = waiting(routes.item)
    put_item = waiting(routes.put_item)
    change_item = waiting(routes.change_item)
    delete_item = waiting(routes.delete_item)
    put_items = waiting(routes.put_items)
    users = waiting(routes.users)
    user = waiting(routes.user)
    put_user = waiting(routes.put_user)
    change_user = waiting(routes.change_user)
    put_users = waiting(routes.put_users)
    forget = waiting(routes.forget)
    opt_out = waiting(routes.opt_out)
    opt_in = waiting(routes.opt_in)
    rules = waiting(routes.rules)
    rule_history = waiting(routes.rule_history)
    put_rule = waiting(routes.put_rule)
    delete_rule = waiting(routes.delete_rule)
    models = waiting(routes.models)
    promote = waiting(routes.promote)
    roll_back = waiting(routes.roll_back)
    compare = waiting(routes.compare)

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
            old = None if asked.once else self._idle.pop()
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
