"""The gate: once there are keys, a request without one that opens its route is turned away."""

import base64
import binascii
import math

import msgspec

from serendip.server.front import App, Receive, Scope, Send
from serendip.server.limits import Limits
from serendip.service.answer import Failure
from serendip.service.asked import ASKED
from serendip.service.counters import LIMITED
from serendip.service.keys import Key, Keys

OPEN = frozenset({"/v1/health/live", "/v1/health/ready"})
READING = ("/v1/recommend",)  # asked with a body, and nothing changes


def needed(method: str, path: str) -> str | None:
    """Return the scope that opens a route, None where it is open to all. What is not known to be less is admin."""
    if path in OPEN:
        return None
    if method in ("GET", "HEAD"):
        return "read"
    if method == "POST" and (path == "/v1/events" or path.startswith("/v1/events/")):
        return "events"
    if method == "POST" and any(path == one or path.startswith(f"{one}/") for one in READING):
        return "read"
    return "admin"


class Gate:
    """ASGI: lets a request through to `app` where its key is valid, opens the route and is within its rate.

    The key comes as `Authorization: Bearer KEY`, or as the password of `Basic`, which a browser asks for.
    """

    def __init__(self, app: App, keys: Keys, limits: Limits) -> None:
        self.app, self.keys, self.limits = app, keys, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.keys.fresh()
        wants = needed(scope["method"], scope["path"]) if self.keys.closed else None
        if wants is None:
            await self.app(scope, receive, send)
            return
        key = self.key(scope)
        if key is None:
            page = b"text/html" in header(scope, b"accept")
            asks = b'Basic realm="Serendip", charset="UTF-8"' if page else b"Bearer"
            said = Failure("no_key", "this needs a key: send it as `Authorization: Bearer KEY`")
            await refuse(send, 401, said, (b"www-authenticate", asks))
            return
        asked = ASKED.get()
        if asked is not None:
            asked.client = key.name
        if not key.may(wants):
            said = Failure("out_of_scope", f"this needs a key with the scope {wants}, and yours has not got it")
            await refuse(send, 403, said)
            return
        wait = self.limits.wait(key.id, key.rate) if key.rate else 0.0
        if wait:
            LIMITED.labels(key.name).inc()
            said = Failure("too_many", f"this key may ask {key.rate:g} times a second: wait a moment")
            await refuse(send, 429, said, (b"retry-after", b"%d" % math.ceil(wait)))
            return
        await self.app(scope, receive, send)

    def key(self, scope: Scope) -> Key | None:
        """Return the valid key that a request came with."""
        kind, _, text = header(scope, b"authorization").strip().partition(b" ")
        try:
            if kind.lower() == b"basic":
                text = base64.b64decode(text.strip(), validate=True).partition(b":")[2]
            elif kind.lower() != b"bearer":
                return None
            return self.keys.find(text.strip().decode("ascii"))
        except (binascii.Error, UnicodeDecodeError):
            return None


def header(scope: Scope, name: bytes) -> bytes:
    """Return a header of a request, b"" where there is none."""
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


async def refuse(send: Send, status: int, failure: Failure, *more: tuple[bytes, bytes]) -> None:
    """Answer a request that is turned away."""
    body = msgspec.json.encode(failure)
    length = (b"content-length", b"%d" % len(body))
    headers = [(b"content-type", b"application/json"), length, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
