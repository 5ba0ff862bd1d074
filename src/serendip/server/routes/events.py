"""Events: recorded before they are acknowledged; the next answer reflects them."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from serendip.server.wire import MOST, BadRequest, NewEvent, Recorded, answer, body, content, ref, responses
from serendip.service.record import record
from serendip.service.serving import Serving

router = APIRouter(prefix="/v1/events", tags=["events"])
SENT = {"oneOf": [ref(NewEvent), {"type": "array", "items": ref(NewEvent), "maxItems": MOST}]}


@router.post(
    "",
    responses=responses(ref(Recorded), 400, 403, 413, 422, 503),
    openapi_extra={"requestBody": {"required": True, **content(SENT)}},
)
async def events(request: Request) -> Response:
    """Record one event or a list of up to 1,000; the same event_id again changes nothing."""
    serving: Serving = request.app.state.serving
    sent = await body(request, NewEvent | list[NewEvent])  # type: ignore[arg-type]
    many = sent if isinstance(sent, list) else [sent]
    if len(many) > MOST:
        raise BadRequest(422, "invalid", f"a request records at most {MOST} events, not {len(many)}")
    # in a thread of its own: another process may hold the store for seconds, and reading goes on meanwhile
    new, repeated = await run_in_threadpool(record, serving.live.store, [to_row(event) for event in many])
    return answer(Recorded(new, repeated))


def to_row(event: NewEvent) -> dict[str, object]:
    """Return an event as a row of the events table."""
    return {name: getattr(event, name) for name in NewEvent.__struct_fields__}
