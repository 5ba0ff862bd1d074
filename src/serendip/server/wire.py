"""JSON in and out: msgspec structures as responses, request bodies and OpenAPI schemas."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from fastapi import Request, Response

from serendip.service.answer import Event, Explanation, Found, SimilarItems, Slate

T = TypeVar("T")
REF = "#/components/schemas/{name}"
LONGEST_BODY = 4 << 20  # bytes


class Failure(msgspec.Struct):
    """What went wrong: a code for programs and a sentence for people."""

    code: str
    message: str


class RecommendRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A slate for whoever brings this history: item ids or events, the oldest first."""

    history: list[str | Event] = []
    k: int | None = None
    exclude: list[str] = []


class NewEvent(msgspec.Struct, forbid_unknown_fields=True):
    """One event to record. timestamp: ms since 1970, now where it is missing."""

    user_id: str
    item_id: str
    type: str = "interaction"
    value: float | None = None
    timestamp: int | None = None
    event_id: str | None = None
    context: dict[str, Any] | None = None
    impression_id: str | None = None


class Recorded(msgspec.Struct):
    """How many events were new, and how many had been recorded before."""

    new: int
    repeated: int


class Health(msgspec.Struct, omit_defaults=True):
    """Whether the server can answer, and with which model."""

    status: str
    model: str | None = None
    reason: str | None = None


SPOKEN = (Slate, Explanation, SimilarItems, Found, Failure, RecommendRequest, NewEvent, Recorded, Health)
LISTS = {"Found": list[Found]}


class BadRequest(Exception):
    """A request that cannot be taken: its status and what to answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.failure = status, Failure(code, message)


def answer(body: object, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")


async def body(request: Request, kind: type[T]) -> T:
    """Return a request's body.

    Raises:
        BadRequest: it is too long, no JSON, or not of this kind.
    """
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LONGEST_BODY:
            raise BadRequest(413, "too_long", f"a body has at most {LONGEST_BODY >> 20} MiB: send fewer events at once")
    try:
        return msgspec.json.decode(bytes(raw), type=kind)
    except msgspec.ValidationError as error:
        raise BadRequest(422, "invalid", str(error)) from None
    except msgspec.DecodeError as error:
        raise BadRequest(400, "not_json", f"the body is not JSON: {error}") from None


def schemas() -> dict[str, Any]:
    """Return the OpenAPI schemas of all that is spoken."""
    return msgspec.json.schema_components(SPOKEN, ref_template=REF)[1]


def ref(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the OpenAPI reference to a structure."""
    return {"$ref": REF.format(name=kind.__name__)}


def content(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return OpenAPI's description of a JSON body."""
    return {"content": {"application/json": {"schema": schema}}}


def responses(schema: Mapping[str, Any], *failures: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's description of a route's answers."""
    said: dict[int | str, dict[str, Any]] = {200: {"description": "the answer", **content(schema)}}
    for status in failures:
        said[status] = {"description": "what went wrong", **content(ref(Failure))}
    return said
