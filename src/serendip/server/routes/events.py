"""Events: recorded before they are acknowledged; the next answer reflects them."""

import asyncio
from collections.abc import Sequence

import msgspec
from fastapi import APIRouter, Request, Response

from serendip.errors import Unavailable
from serendip.server.wire import (
    MOST,
    BadRequest,
    NewEvent,
    answer,
    content,
    decoded,
    ref,
    responses,
    sent,
    wrong,
)
from serendip.service.answer import Became, Failure, Recorded
from serendip.service.record import Busy, Recorder, possible
from serendip.store.recording import Fact, Outcome

router = APIRouter(prefix="/v1/events", tags=["events"])
SENT = {"oneOf": [ref(NewEvent), {"type": "array", "items": ref(NewEvent), "maxItems": MOST}]}
AGAIN = "1"  # seconds after which a refused request may come again


@router.post(
    "",
    responses=responses(ref(Recorded), 400, 403, 413, 422, 429, 503),
    openapi_extra={"requestBody": {"required": True, **content(SENT)}},
)
async def events(request: Request) -> Response:
    """Record one event or a list of up to 1,000, each with what became of it; the same event_id again changes nothing.

    One event that is not possible, or whose event_id was used with another body, is 422. In a list it stops no other.
    """
    recorder: Recorder = request.app.state.recorder
    came = await sent(request)
    try:
        read: NewEvent | list[NewEvent] | list[NewEvent | Outcome] = decoded(came, NewEvent | list[NewEvent])  # type: ignore[arg-type]
    except BadRequest as error:
        if error.status != 422 or not came.lstrip().startswith(b"["):
            raise
        read = one_by_one(came)
    many = read if isinstance(read, list) else [read]
    if len(many) > MOST:
        raise BadRequest(422, "invalid", f"a request records at most {MOST} events, not {len(many)}")
    facts = [event if isinstance(event, Outcome) else possible(plain(event)) for event in many]
    try:
        done = iter(await written(recorder, [fact for fact in facts if isinstance(fact, Fact)]))
    except Unavailable as error:
        status, code = (429, "busy") if isinstance(error, Busy) else (503, "unavailable")
        refused = answer(Failure(code, str(error)), status)
        refused.headers["Retry-After"] = AGAIN
        return refused
    outcomes = [next(done) if isinstance(fact, Fact) else fact for fact in facts]
    if not isinstance(read, list) and outcomes[0].status in ("invalid", "conflict"):
        raise BadRequest(422, outcomes[0].status, outcomes[0].reason or "")
    count = [outcome.status for outcome in outcomes].count
    return answer(Recorded(count("recorded"), count("repeated"), [Became(*outcome) for outcome in outcomes]))


async def written(recorder: Recorder, facts: Sequence[Fact]) -> list[Outcome]:
    """Return what became of events once they are on the disk."""
    return await asyncio.wrap_future(recorder.put(facts)) if facts else []


def one_by_one(came: bytes) -> list[NewEvent | Outcome]:
    """Return the events of a list in which something does not fit, and what is wrong with each that does not."""
    read: list[NewEvent | Outcome] = []
    for raw in decoded(came, list[msgspec.Raw]):
        try:
            read.append(msgspec.json.decode(raw, type=NewEvent))
        except msgspec.ValidationError as error:
            read.append(Outcome("invalid", wrong(error, NewEvent)))
    return read


def plain(event: NewEvent) -> dict[str, object]:
    """Return an event as the service takes it."""
    return {name: getattr(event, name) for name in NewEvent.__struct_fields__}
