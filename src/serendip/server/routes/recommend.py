"""A slate for anyone who brings a history: a newcomer, a session, a basket."""

from fastapi import APIRouter, Request, Response

from serendip.server.wire import BadRequest, Past, RecommendRequest, answer, body, content, ref, responses
from serendip.service.answer import Event, Slate
from serendip.service.degrade import slate_for
from serendip.service.serving import Serving

router = APIRouter(prefix="/v1/recommend", tags=["recommend"])
LONGEST = 1000  # items of a slate


@router.post(
    "",
    responses=responses(ref(Slate), 400, 403, 413, 422),
    openapi_extra={"requestBody": {"required": True, **content(ref(RecommendRequest))}},
)
async def recommend(request: Request) -> Response:
    """Return a slate for the history in the body; with none, what a newcomer gets."""
    serving: Serving = request.app.state.serving
    asked = await body(request, RecommendRequest)
    k = request.app.state.k if asked.k is None else asked.k
    if not 1 <= k <= LONGEST:
        raise BadRequest(422, "invalid", f"k is a number from 1 to {LONGEST}, not {k}")
    past = [one if isinstance(one, Past) else Past(one) for one in asked.history]
    history = [Event(str(one.item_id), "", one.type, one.value, one.timestamp) for one in past]
    return answer(slate_for(serving, history, k, [str(item_id) for item_id in asked.exclude], asked.context))
