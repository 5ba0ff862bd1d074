"""Business rules and named pipelines: what there is, and what holds from the next answer on."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from serendip.server.wire import PathId, answer, body, content, own_page, ref, responses
from serendip.service import rules
from serendip.service.answer import RuleEntry
from serendip.service.asked import ASKED
from serendip.service.serving import Serving

router = APIRouter(prefix="/v1/rules", tags=["rules"])
SAID = {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}}


@router.get("", responses=responses({"type": "array", "items": ref(RuleEntry)}, 503))
def listed(request: Request) -> Response:
    """Return the rules that there are."""
    serving: Serving = request.app.state.serving
    return answer(rules.listed(serving.live.store))


@router.get("/history", responses=responses({"type": "array", "items": ref(RuleEntry)}, 503))
def history(request: Request) -> Response:
    """Return who said what and when, the oldest first."""
    serving: Serving = request.app.state.serving
    return answer(rules.history(serving.live.store))


@router.put(
    "/{name:path}",
    responses=responses(ref(RuleEntry), 400, 403, 413, 422, 503),
    openapi_extra={"requestBody": {"required": True, **content(SAID)}},
)
async def put(request: Request, name: PathId) -> Response:
    """Let a rule hold from the next answer on; the same again changes nothing."""
    serving: Serving = request.app.state.serving
    said, known = await body(request, dict[str, Any]), serving.live.surfaces.stages.keys()
    return answer(await run_in_threadpool(rules.put, serving.live.store, name, said, who(), known))


@router.delete("/{name:path}", responses=responses(ref(RuleEntry), 403, 404, 422, 503))
async def remove(request: Request, name: PathId) -> Response:
    """Let a rule hold no longer; the book keeps what it said."""
    own_page(request)
    serving: Serving = request.app.state.serving
    return answer(await run_in_threadpool(rules.remove, serving.live.store, name, who()))


def who() -> str:
    """Return the name of the key that a request came with."""
    asked = ASKED.get()
    return "anybody" if asked is None or asked.client is None else asked.client
