"""Models: which there are, and which one serves."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from serendip.server.wire import PathId, answer, own_page, ref, responses
from serendip.service import models
from serendip.service.answer import ModelVersion, SideBySide
from serendip.service.publish import promote, rollback
from serendip.service.serving import Serving

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", responses=responses({"type": "array", "items": ref(ModelVersion)}))
def versions(request: Request) -> Response:
    """Return every model version, the newest first."""
    serving: Serving = request.app.state.serving
    return answer(models.versions(serving.project))


@router.post("/rollback", responses=responses(ref(ModelVersion), 403, 404, 422, 503))
async def go_back(request: Request) -> Response:
    """Let the version serve that served before."""
    own_page(request)
    serving: Serving = request.app.state.serving
    _, version = await run_in_threadpool(rollback, serving.project)
    return await taken_up(serving, version)


@router.post("/{version}/promote", responses=responses(ref(ModelVersion), 403, 404, 422, 503))
async def promoted(request: Request, version: PathId) -> Response:
    """Let a version serve, once it has answered its golden requests; other workers follow within seconds."""
    own_page(request)
    serving: Serving = request.app.state.serving
    await run_in_threadpool(promote, serving.project, version)
    return await taken_up(serving, version)


@router.get("/{version}/compare/{other}", responses=responses(ref(SideBySide), 404, 422))
def compared(request: Request, version: PathId, other: PathId) -> Response:
    """Return what the reports of two versions say."""
    serving: Serving = request.app.state.serving
    return answer(models.compare(serving.project, version, other))


async def taken_up(serving: Serving, version: str) -> Response:
    """Take up what was published, and return what is known of it."""
    await run_in_threadpool(serving.take_up, version)
    return answer(models.card(serving.project, version, serving.project.current() == version))
