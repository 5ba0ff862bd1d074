"""Users who want to be forgotten, or of whom nothing is to be recorded or used."""

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from serendip.server.wire import PathId, answer, own_page, ref, responses
from serendip.service.answer import Forgotten, OptedOut
from serendip.service.erase import erase
from serendip.service.serving import Serving

router = APIRouter(prefix="/v1/users", tags=["users"])


@router.put("/{user_id:path}/opt-out", responses=responses(ref(OptedOut), 403, 422, 503))
async def opt_out(request: Request, user_id: PathId) -> Response:
    """Record, learn and use nothing of a user from now on, known or not; the slate is a newcomer's."""
    return await put(request, user_id, True)


@router.delete("/{user_id:path}/opt-out", responses=responses(ref(OptedOut), 403, 422, 503))
async def opt_in(request: Request, user_id: PathId) -> Response:
    """Take an opting out back: what was recorded before counts again."""
    return await put(request, user_id, False)


@router.delete("/{user_id:path}", responses=responses(ref(Forgotten), 403, 404, 422, 503))
async def forget(request: Request, user_id: PathId) -> Response:
    """Erase a user: events, attributes and slates, the id in every model and report. There is no way back."""
    own_page(request)
    serving: Serving = request.app.state.serving
    done = await run_in_threadpool(erase, serving.project, serving.live.store, user_id)
    serving.now()  # what was kept under the id here
    return answer(Forgotten(done.user_id, done.events, list(done.models), len(done.files)))


async def put(request: Request, user_id: str, out: bool) -> Response:
    """Let a user opt out or in."""
    own_page(request)
    serving: Serving = request.app.state.serving
    await run_in_threadpool(serving.live.store.opt_out, user_id, out)
    return answer(OptedOut(user_id, out))
