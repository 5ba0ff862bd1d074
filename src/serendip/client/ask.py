"""What can be asked of a server, as data: the request, and the type of its answer."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from serendip.errors import UserError
from serendip.service.answer import Explanation, Found, Recorded, SimilarItems, Slate

T = TypeVar("T")
MOST = 1000  # events of one request


@dataclass(frozen=True)
class Ask(Generic[T]):
    """A request whose repetition changes nothing. kind: the type of its answer."""

    method: str
    path: str
    kind: Any
    body: bytes | None = None


def path(*parts: str, **query: object) -> str:
    """Return a path with a query of what is not None."""
    given = {name.replace("__", "."): value for name, value in query.items() if value is not None}
    return "/v1/" + "/".join(quote(part, safe="") for part in parts) + (f"?{urlencode(given)}" if given else "")


def recommend(
    user_id: str | int, k: int | None, history: bool, context: Mapping[str, str | int | float] | None
) -> Ask[Slate]:
    """Ask for a user's slate."""
    told = {f"context__{name}": value for name, value in (context or {}).items()}
    shown = "true" if history else None
    return Ask("GET", path("users", str(user_id), "recommendations", k=k, history=shown, **told), Slate)


def recommend_for(
    history: Sequence[str | int | Mapping[str, object]],
    k: int | None,
    exclude: Sequence[str | int],
    context: Mapping[str, str | int | float | bool | None] | None,
) -> Ask[Slate]:
    """Ask for the slate of whoever brings this history."""
    body = {"history": list(history), "k": k, "exclude": list(exclude), "context": dict(context or {})}
    return Ask("POST", path("recommend"), Slate, msgspec.json.encode(body))


def similar(item_id: str | int, k: int | None) -> Ask[SimilarItems]:
    """Ask for the items most like one."""
    return Ask("GET", path("items", str(item_id), "similar", k=k), SimilarItems)


def explain(user_id: str | int, item_id: str | int) -> Ask[Explanation]:
    """Ask where a score comes from."""
    return Ask("GET", path("users", str(user_id), "explanations", str(item_id)), Explanation)


def find(side: str, text: str, k: int | None) -> Ask[list[Found]]:
    """Ask for users or items by the beginning of an id, or by words."""
    return Ask("GET", path(side, q=text, k=k), list[Found])


def record(events: Sequence[Mapping[str, object]]) -> Ask[Recorded]:
    """Send events. Each without an event_id gets one now, so that a repetition is known for what it is.

    Raises:
        UserError: there are more than a request may hold.
    """
    if len(events) > MOST:
        raise UserError(f"a request records at most {MOST} events, not {len(events)}: send them in parts")
    sent = [{"event_id": uuid.uuid4().hex} | {n: v for n, v in one.items() if v is not None} for one in events]
    return Ask("POST", path("events"), Recorded, msgspec.json.encode(sent))
