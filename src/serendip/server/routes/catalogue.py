"""Items and users as they are described: put, changed, deleted, one or a thousand at a time."""

from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from serendip.data.ids import as_text
from serendip.server.wire import (
    MOST,
    BadRequest,
    ItemEntry,
    NewItem,
    NewUser,
    PathId,
    UserEntry,
    answer,
    body,
    content,
    own_page,
    ref,
    responses,
)
from serendip.service import describe
from serendip.service.answer import DescribedItem, DescribedUser, Status
from serendip.service.serving import Serving
from serendip.store.describe import Entry, Put
from serendip.store.index import Side

items = APIRouter(prefix="/v1/items", tags=["items"])
users = APIRouter(prefix="/v1/users", tags=["users"])
T = TypeVar("T")
CREATED: dict[int | str, dict[str, Any]] = {
    201: {"description": "it was not there and is made", **content(ref(Status))}
}


def sent(kind: type) -> dict[str, object]:
    """Return OpenAPI's description of a body of this structure."""
    return {"requestBody": {"required": True, **content(ref(kind))}}


def many(kind: type) -> dict[str, object]:
    """Return OpenAPI's description of a body of a list of this structure."""
    return {"requestBody": {"required": True, **content({"type": "array", "items": ref(kind), "maxItems": MOST})}}


STATUSES = {"type": "array", "items": ref(Status)}


@items.put(
    "/{item_id:path}", responses={**responses(ref(Status), 400, 403, 413, 422, 503), **CREATED},
    openapi_extra=sent(NewItem),
)  # fmt: skip
async def put_item(request: Request, item_id: PathId) -> Response:
    """Make an item, or replace all that is said of it."""
    new = await body(request, NewItem)
    return await one(request, "items", Entry(as_text(item_id), new.attributes, new.hidden, whole=True))


@items.patch(
    "/{item_id:path}", responses=responses(ref(Status), 400, 403, 404, 413, 422, 503), openapi_extra=sent(NewItem)
)
async def change_item(request: Request, item_id: PathId) -> Response:
    """Change what is named of an item that is there; null takes an attribute away."""
    new = await body(request, NewItem)
    return await one(request, "items", Entry(as_text(item_id), new.attributes, new.hidden), create=False)


@items.delete("/{item_id:path}", responses=responses(ref(Status), 403, 404, 503))
async def delete_item(request: Request, item_id: PathId) -> Response:
    """Take an item out of the catalogue: it is shown no more; what users did with it stays."""
    own_page(request)
    serving: Serving = request.app.state.serving
    (done,) = await run_in_threadpool(describe.delete_items, serving.live.store, [as_text(item_id)])
    return said(done)


@items.post("", responses=responses(STATUSES, 400, 403, 413, 422, 503), openapi_extra=many(ItemEntry))
async def put_items(request: Request) -> Response:
    """Make or change up to 1,000 items, each with its own status; what is not named stays as it was."""
    given = await listed(request, ItemEntry)
    serving: Serving = request.app.state.serving
    entries = [
        describe.Delete(as_text(one.item_id))
        if one.deleted
        else Entry(as_text(one.item_id), one.attributes, one.hidden)
        for one in given
    ]
    return answer([status(done) for done in await run_in_threadpool(describe.items, serving.live.store, entries)])


@items.get("/{item_id:path}", responses=responses(ref(DescribedItem), 404, 422))
def item(request: Request, item_id: PathId) -> Response:
    """Return what is said of an item."""
    serving: Serving = request.app.state.serving
    with serving.answering() as live:
        found = describe.about(live.store, "items", item_id)
    return answer(DescribedItem(found.id, found.attributes, found.hidden, found.added_at))


@users.put(
    "/{user_id:path}", responses={**responses(ref(Status), 400, 403, 413, 422, 503), **CREATED},
    openapi_extra=sent(NewUser),
)  # fmt: skip
async def put_user(request: Request, user_id: PathId) -> Response:
    """Make a user, or replace all that is said of one."""
    new = await body(request, NewUser)
    return await one(request, "users", Entry(as_text(user_id), new.attributes, whole=True))


@users.patch(
    "/{user_id:path}", responses=responses(ref(Status), 400, 403, 404, 413, 422, 503), openapi_extra=sent(NewUser)
)
async def change_user(request: Request, user_id: PathId) -> Response:
    """Change what is named of a user that is there; null takes an attribute away."""
    new = await body(request, NewUser)
    return await one(request, "users", Entry(as_text(user_id), new.attributes), create=False)


@users.post("", responses=responses(STATUSES, 400, 403, 413, 422, 503), openapi_extra=many(UserEntry))
async def put_users(request: Request) -> Response:
    """Make or change up to 1,000 users, each with its own status; what is not named stays as it was."""
    given = await listed(request, UserEntry)
    serving: Serving = request.app.state.serving
    entries = [Entry(as_text(one.user_id), one.attributes) for one in given]
    done = await run_in_threadpool(serving.live.store.describe, "users", entries)
    return answer([status(one) for one in done])


@users.get("/{user_id:path}", responses=responses(ref(DescribedUser), 404, 422))
def user(request: Request, user_id: PathId) -> Response:
    """Return what is said of a user."""
    serving: Serving = request.app.state.serving
    with serving.answering() as live:
        found = describe.about(live.store, "users", user_id)
    return answer(DescribedUser(found.id, found.attributes))


async def one(request: Request, side: Side, entry: Entry, *, create: bool = True) -> Response:
    """Write one entry; answer 201 where it is new, 404 where it is not there, 422 where it does not fit."""
    serving: Serving = request.app.state.serving
    (done,) = await run_in_threadpool(serving.live.store.describe, side, [entry], create=create)
    return said(done)


def said(done: Put) -> Response:
    """Return the answer to one entry.

    Raises:
        BadRequest: it does not fit, or is not there.
    """
    if done.status == "invalid":
        raise BadRequest(422, "invalid", done.reason or "")
    if done.status == "not_found":
        raise BadRequest(404, "not_found", done.reason or "")
    return answer(status(done), 201 if done.status == "created" else 200)


def status(done: Put) -> Status:
    """Return what became of an entry as it is spoken."""
    return Status(done.id, done.status, done.reason)


async def listed(request: Request, kind: type[T]) -> list[T]:
    """Return the entries of a body.

    Raises:
        BadRequest: as `body`, or there are too many.
    """
    given = await body(request, list[kind])  # type: ignore[valid-type]
    if len(given) > MOST:
        raise BadRequest(422, "invalid", f"a request takes at most {MOST} entries, not {len(given)}")
    return given
