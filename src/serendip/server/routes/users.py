"""Users: their slates, why an item stands in one, and how to find them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from serendip.server.wire import PathId, answer, ref, responses
from serendip.service.answer import Explanation, Found, Slate
from serendip.service.degrade import slate
from serendip.service.explain import explain
from serendip.service.find import find_users
from serendip.service.serving import Serving
from serendip.service.slate import How
from serendip.service.surfaces import DEFAULT

router = APIRouter(prefix="/v1/users", tags=["users"])
Pipe = Annotated[str, Query(max_length=100, description="The name of a pipeline.")]
K = Annotated[int | None, Query(ge=1, le=1000, description="How many items.")]
Q = Annotated[str, Query(max_length=200, description="The beginning of an id, or words.")]


@router.get("/{user_id:path}/recommendations", responses=responses(ref(Slate), 404, 422))
async def recommendations(
    request: Request, user_id: PathId, k: K = None, history: bool = False, pipeline: Pipe = DEFAULT,
    trace: bool = False, contributions: bool = False,
) -> Response:  # fmt: skip
    """Return a user's slate, from the history as it stands now; an unknown user gets what a newcomer does.

    The context of the request is told by parameters such as context.device=phone. `trace` tells what each stage of the
    pipeline left out, `contributions` what each score is made of.
    """
    serving: Serving = request.app.state.serving
    told = {n.removeprefix("context."): v for n, v in request.query_params.items() if n.startswith("context.")}
    how = How(pipeline, trace, contributions)
    return answer(slate(serving, user_id, k or request.app.state.k, context=told, with_history=history, how=how))


@router.get("/{user_id:path}/explanations/{item_id:path}", responses=responses(ref(Explanation), 404, 422))
async def explanation(request: Request, user_id: PathId, item_id: PathId, pipeline: Pipe = DEFAULT) -> Response:
    """Return the contributions to the score that a pipeline gives to an item; they sum to it."""
    serving: Serving = request.app.state.serving
    with serving.answering() as live:
        return answer(explain(live, user_id, item_id, pipeline))


@router.get("", responses=responses({"type": "array", "items": ref(Found)}, 422))
def search(request: Request, q: Q = "", k: K = None) -> Response:
    """Return users whose id begins with q."""
    serving: Serving = request.app.state.serving
    with serving.answering() as live:
        return answer(find_users(live, q, k or 20))
