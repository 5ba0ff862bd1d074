"""Items: what is like them, and how to find them."""

from fastapi import APIRouter, Request, Response

from serendip.server.routes.users import K, Q
from serendip.server.wire import PathId, answer, ref, responses
from serendip.service.answer import Found, SimilarItems
from serendip.service.find import find_items
from serendip.service.serving import Serving
from serendip.service.similar import similar

router = APIRouter(prefix="/v1/items", tags=["items"])


@router.get("/{item_id:path}/similar", responses=responses(ref(SimilarItems), 404, 422))
async def similar_items(request: Request, item_id: PathId, k: K = None) -> Response:
    """Return the items most like one."""
    serving: Serving = request.app.state.serving
    with serving.answering() as live:
        return answer(similar(live, item_id, k or request.app.state.k))


@router.get("", responses=responses({"type": "array", "items": ref(Found)}, 422))
def search(request: Request, q: Q = "", k: K = None) -> Response:
    """Return items whose id begins with q or whose title holds its words."""
    serving: Serving = request.app.state.serving
    with serving.answering() as live:
        return answer(find_items(live, q, k or 20))
