"""Health: alive is being able to speak, ready is being able to recommend."""

from fastapi import APIRouter, Request, Response

from serendip.errors import Unavailable
from serendip.server.wire import answer, content, ref, responses
from serendip.service.answer import Health
from serendip.service.live import Live

router = APIRouter(prefix="/v1/health", tags=["health"])


@router.get("/live", responses=responses(ref(Health)))
async def live() -> Response:
    """Return ok while the process can answer."""
    return answer(Health("ok"))


@router.get("/ready", responses={**responses(ref(Health)), 503: {"description": "not ready", **content(ref(Health))}})
async def ready(request: Request) -> Response:
    """Return ok where the store can be read and a model is loaded, 503 otherwise."""
    live: Live = request.app.state.serving.live
    try:
        live.store.check()
    except Unavailable as error:
        return answer(Health("unavailable", reason=str(error)), 503)
    return answer(Health("ok", live.version))
