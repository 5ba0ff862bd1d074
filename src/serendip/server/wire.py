"""JSON in and out: msgspec structures as responses, request bodies and OpenAPI schemas."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

import msgspec
from fastapi import Path, Request, Response
from msgspec import Meta
from starlette.convertors import PathConvertor, register_url_convertor

from serendip.errors import nearest
from serendip.service.answer import (
    Became,
    DescribedItem,
    DescribedUser,
    Explanation,
    Failure,
    Forgotten,
    Found,
    Health,
    ModelVersion,
    OptedOut,
    Questionnaire,
    Recorded,
    RuleEntry,
    SideBySide,
    SimilarItems,
    Slate,
    Status,
)
from serendip.service.counters import counted

T = TypeVar("T")
REF = "#/components/schemas/{name}"
UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`(.*)", re.DOTALL)
LONGEST_BODY = 4 << 20  # bytes
MOST = 1000  # events of one request, items of one history
Name = Annotated[str, Meta(pattern=r"\S", max_length=256)]
Id = Name | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]  # 1 and "1" are the same id
Value = Annotated[float, Meta(ge=-1e12, le=1e12)]
Time = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]  # ms, to the year 9999
PathId = Annotated[str, Path(min_length=1, max_length=256)]


class Anything(PathConvertor):
    """What an id in a path may be: a slash and the end of a line are in some."""

    regex = "(?s:.*)"


register_url_convertor("path", Anything())


class Past(msgspec.Struct, forbid_unknown_fields=True):
    """One past event of whoever asks. timestamp: ms since 1970."""

    item_id: Id
    type: Name = "interaction"
    value: Value | None = None
    timestamp: Time | None = None


class RecommendRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A slate for whoever brings this history: item ids or events, the oldest first.

    user_id: a user of the store, to whose history this one is added, as a session; users: a group of them, whose scores
    `aggregate` brings together; item_id: the item whose page it is for. pipeline: the name of one. context: what is
    known of the request, under the names that the events' context has, as {"device": "phone"}. trace, contributions:
    whether to tell what each stage left out, and what each score is made of.
    """

    history: Annotated[list[Id | Past], Meta(max_length=MOST)] = []
    user_id: Id | None = None
    users: Annotated[list[Id], Meta(max_length=50)] = []
    aggregate: Literal["average", "least-misery", "most-pleasure"] = "average"
    item_id: Id | None = None
    pipeline: Name = "default"
    trace: bool = False
    contributions: bool = False
    k: int | None = None
    exclude: Annotated[list[Id], Meta(max_length=MOST)] = []
    context: dict[str, str | int | float | bool | None] = {}


class NewEvent(msgspec.Struct, forbid_unknown_fields=True):
    """One event to record. timestamp: ms since 1970, now where it is missing; value: a number, as a rating.

    One of type undo takes another back: by `undoes`, its event_id, or all of the user and item of `undoes_type`.
    """

    user_id: Id
    item_id: Id
    type: Name = "interaction"
    value: Value | None = None
    timestamp: Time | None = None
    event_id: Name | None = None
    context: dict[str, Any] | None = None
    impression_id: Name | None = None
    undoes: Name | None = None
    undoes_type: Name | None = None


Text = Annotated[str, Meta(max_length=10_000)]
Number = Annotated[int, Meta(ge=-(2**53), le=2**53)] | Annotated[float, Meta(ge=-1e300, le=1e300)]
Attribute = Text | Number | bool | Annotated[list[Text | Number], Meta(max_length=4096)] | None
Attributes = Annotated[dict[Name, Attribute], Meta(max_length=100)]


class NewItem(msgspec.Struct, forbid_unknown_fields=True):
    """What is said of an item. A date is a text as 2026-01-31 or 2026-01-31T12:00:00Z, an embedding a list of numbers;
    null takes an attribute away."""

    attributes: Attributes = {}
    hidden: bool | None = None


class ItemEntry(NewItem, forbid_unknown_fields=True, kw_only=True):
    """What is said of one item of many. deleted: take it out of the catalogue."""

    item_id: Id
    deleted: bool = False


class NewUser(msgspec.Struct, forbid_unknown_fields=True):
    """What is said of a user; null takes an attribute away."""

    attributes: Attributes = {}


class UserEntry(NewUser, forbid_unknown_fields=True, kw_only=True):
    """What is said of one user of many."""

    user_id: Id


SPOKEN = (
    Slate,
    RuleEntry,
    Explanation,
    SimilarItems,
    Found,
    Failure,
    RecommendRequest,
    NewEvent,
    Recorded,
    Became,
    OptedOut,
    Forgotten,
    NewItem,
    ItemEntry,
    NewUser,
    UserEntry,
    Status,
    DescribedItem,
    DescribedUser,
    Health,
    ModelVersion,
    Questionnaire,
    SideBySide,
)
LISTS = {"Found": list[Found]}


class BadRequest(Exception):
    """A request that cannot be taken: its status and what to answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.failure = status, Failure(code, message)


def answer(body: object, status: int = 200) -> Response:
    """Return a JSON response; a slate is counted, and says how long each stage took."""
    headers = {}
    if isinstance(body, Slate):
        counted(body)
        headers["server-timing"] = timing(body)
    return Response(msgspec.json.encode(body), status, headers, "application/json")


def timing(slate: Slate) -> str:
    """Return the ms of each stage as the header Server-Timing has them."""
    return ", ".join([f"{stage};dur={ms:g}" for stage, ms in slate.timings_ms.items()])


def own_page(request: Request) -> None:
    """Raise a BadRequest where a page of another site sends the request, and the settings do not name that site."""
    origin = request.headers.get("origin")
    if origin is None or origin in request.app.state.origins:
        return
    if urlsplit(origin).netloc != request.headers.get("host"):
        raise BadRequest(403, "refused", f"a page of {origin} may not speak for the one who looks at it")


async def body(request: Request, kind: type[T]) -> T:
    """Return a request's body.

    Raises:
        BadRequest: it is too long, no JSON, not of this kind, or a page of another site sends it.
    """
    return decoded(await sent(request), kind)


async def sent(request: Request) -> bytes:
    """Return a request's body as it came.

    Raises:
        BadRequest: it is too long, or a page of another site sends it.
    """
    own_page(request)
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LONGEST_BODY:
            raise BadRequest(413, "too_long", f"a body has at most {LONGEST_BODY >> 20} MiB: send fewer events at once")
    return bytes(raw)


def decoded(raw: bytes, kind: type[T]) -> T:
    """Return what JSON says.

    Raises:
        BadRequest: it is none, or not of this kind.
    """
    if not raw:
        raise BadRequest(400, "not_json", "there is no body: send it as JSON")
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise BadRequest(422, "invalid", wrong(error, kind)) from None
    except RecursionError:
        raise BadRequest(400, "not_json", "the body is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(400, "not_json", f"the body is not JSON: {error}") from None


def wrong(error: msgspec.ValidationError, kind: Any) -> str:
    """Return what is wrong with a body; where a field is not one of its kind, also the nearest that is."""
    found = UNKNOWN.fullmatch(str(error))
    if found is None:
        return str(error)
    near = "" if "." in found[2] else nearest(found[1], fields(kind))
    return f"there is no field {found[1]!r}{found[2]}{near}"


def fields(kind: Any) -> set[str]:
    """Return the names of a structure's fields, and of those in a list or a union."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return set(kind.__struct_fields__)
    return set().union(*map(fields, get_args(kind)))


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
