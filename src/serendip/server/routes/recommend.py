"""A slate for anyone who brings a history: a newcomer, a session, a basket, a group, the visitor of an item's page."""

from fastapi import APIRouter, Request, Response

from serendip.server.wire import BadRequest, Past, RecommendRequest, answer, body, content, ref, responses
from serendip.service.answer import Event, Slate
from serendip.service.degrade import slate_for, slate_together
from serendip.service.serving import Serving
from serendip.service.slate import How

router = APIRouter(prefix="/v1/recommend", tags=["recommend"])
LONGEST = 1000  # items of a slate


@router.post(
    "",
    responses=responses(ref(Slate), 400, 403, 404, 413, 422),
    openapi_extra={"requestBody": {"required": True, **content(ref(RecommendRequest))}},
)
async def recommend(request: Request) -> Response:
    """Return a slate for the history in the body; with none, what a newcomer gets."""
    serving: Serving = request.app.state.serving
    asked = await body(request, RecommendRequest)
    k = request.app.state.k if asked.k is None else asked.k
    if not 1 <= k <= LONGEST:
        raise BadRequest(422, "invalid", f"k is a number from 1 to {LONGEST}, not {k}")
    if asked.users and (asked.history or asked.user_id is not None or asked.item_id is not None):
        raise BadRequest(422, "invalid", "a group (users) is asked for without history, user_id and item_id")
    how = How(asked.pipeline, asked.trace, asked.contributions)
    out = [str(item_id) for item_id in asked.exclude]
    if asked.users:
        users = [str(user_id) for user_id in asked.users]
        return answer(slate_together(serving, users, k, asked.aggregate, out, asked.context, how=how))
    past = [one if isinstance(one, Past) else Past(one) for one in asked.history]
    history = [Event(str(one.item_id), "", one.type, one.value, one.timestamp) for one in past]
    user_id, item_id = (None if one is None else str(one) for one in (asked.user_id, asked.item_id))
    made = slate_for(serving, history, k, out, asked.context, how=how, user_id=user_id, item_id=item_id)
    return answer(made)
