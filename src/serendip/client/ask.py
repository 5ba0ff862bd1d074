"""A request as data: what is sent, and the type of its answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import Parameter, Signature, signature
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

T = TypeVar("T")
SELF = Parameter("self", Parameter.POSITIONAL_ONLY)


@dataclass(frozen=True)
class Ask(Generic[T]):
    """A request. kind: the type of its answer; once: it is not sent again, since its repetition would change more."""

    method: str
    path: str
    kind: Any
    body: bytes | None = None
    once: bool = False


def path(*parts: str | int, **query: object) -> str:
    """Return a path with a query of what is not None; a list is said once for each of its members."""
    given = [
        (name, str(one).lower() if isinstance(one, bool) else one)
        for name, value in query.items()
        for one in (value if isinstance(value, list) else [] if value is None else [value])
    ]
    return "/v1/" + "/".join(quote(str(part), safe="") for part in parts) + (f"?{urlencode(given)}" if given else "")


def json(**fields: object) -> bytes:
    """Return the fields that are not None as a JSON object."""
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not None})


def many(entries: Iterable[object]) -> bytes:
    """Return a JSON list."""
    return msgspec.json.encode(list(entries))


def of_client(ask: Callable[..., Any]) -> Signature:
    """Return the signature of the method that sends what `ask` makes."""
    said = signature(ask)
    return said.replace(parameters=[SELF, *said.parameters.values()])
