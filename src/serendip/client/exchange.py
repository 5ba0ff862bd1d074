"""When to ask again and how long to wait first, without a word about sockets: both clients run it.

A request is repeated where its repetition changes nothing, as that of nearly all. Waiting doubles and is spread by
chance (full jitter: M. Brooker, "Exponential Backoff And Jitter", 2015), unless the server says how long.
"""

import random
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from serendip.client.ask import Ask
from serendip.errors import Unavailable, UserError
from serendip.service.answer import Failure

T = TypeVar("T")
AGAIN = frozenset({429, 502, 503, 504})
FIRST, LONGEST = 0.1, 30.0  # seconds


class Refused(UserError):
    """The server answered that it cannot. status: of HTTP; code: the server's, for programs."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Unanswered(Unavailable):
    """There was no answer, however often it was asked for."""


@dataclass(frozen=True)
class Reply:
    """An answer as it came. retry_after: the header, if it was there."""

    status: int
    body: bytes
    retry_after: str | None = None


@dataclass(frozen=True)
class Server:
    """Where a server is, and what each request carries."""

    host: str
    port: int
    tls: bool
    prefix: str
    headers: dict[str, str]

    @staticmethod
    def at(address: str, key: str | None) -> "Server":
        """Return the server of an address such as https://example.com.

        Raises:
            UserError: it is none.
        """
        parts = urlsplit(address)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise UserError(f"a server's address is such as http://127.0.0.1:8000, not {address!r}")
        headers = {"Accept": "application/json", "User-Agent": "serendip"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        tls = parts.scheme == "https"
        return Server(parts.hostname, port or (443 if tls else 80), tls, parts.path.rstrip("/"), headers)

    @property
    def name(self) -> str:
        """Its host and port as they are written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def exchange(asked: Ask[T], server: Server, retries: int) -> Generator[float, Reply | Exception, T]:
    """Yield how long to wait before each attempt; be sent what came of it; return the answer.

    Raises:
        Refused: the server cannot answer, and would not the next time either.
        Unanswered: no attempt came to an answer.
    """
    wait = 0.0
    for n in range(1 if asked.once else retries + 1):
        got = yield wait
        if isinstance(got, Reply) and 200 <= got.status < 300:
            answer: T = decoded(got, asked.kind)
            return answer
        if isinstance(got, Reply) and got.status not in AGAIN:
            raise refused(got)
        asked_for = seconds(got.retry_after) if isinstance(got, Reply) else None
        if asked_for is not None and asked_for > LONGEST:
            break
        spread = random.uniform(0.0, min(FIRST * 2**n, LONGEST))
        wait = spread if asked_for is None else asked_for + spread
    if isinstance(got, Reply):
        raise refused(got)
    why = str(got) or type(got).__name__
    raise Unanswered(f"{server.name} did not answer ({why}): see whether the server runs there") from got


def decoded(reply: Reply, kind: Any) -> Any:
    """Return an answer as its type.

    Raises:
        Refused: it is something else, as a proxy's page.
    """
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(reply.status, "not_understood", f"the answer is none of a Serendip server: {error}") from None


def refused(reply: Reply) -> Refused:
    """Return what a failure says."""
    try:
        said = msgspec.json.decode(reply.body, type=Failure)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = Failure("not_understood", f"the server answered with status {reply.status}")
    return Refused(reply.status, said.code, said.message)


def seconds(text: str | None) -> float | None:
    """Return how long a Retry-After header says to wait, None where it says nothing of use."""
    return float(text) if text is not None and text.strip().isdigit() else None
