"""Each request is timed, counted and told in one line of the log; `/metrics` is what Prometheus reads."""

import logging
import os
import time

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from serendip.server.front import App, Receive, Scope, Send
from serendip.server.keys import refuse
from serendip.service.answer import Failure
from serendip.service.asked import ASKED, Asked
from serendip.service.counters import REGISTRY, REQUESTS, SECONDS, UNDER_WAY

router = APIRouter(include_in_schema=False)
log = logging.getLogger("serendip")
SHARED = "PROMETHEUS_MULTIPROC_DIR"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
FAULT = Failure("internal", "this is a fault of the server; its log says more")


class Measured:
    """ASGI: around all that answers; what `app` raises is logged and answered with 500, and nothing is given away."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status, asked = time.perf_counter(), 0, Asked()
        token = ASKED.set(asked)

        async def seen(message: Scope) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", asked.request_id.encode())]
                message = {**message, "headers": headers}
            await send(message)

        UNDER_WAY.inc()
        try:
            await self.app(scope, receive, seen)
        except Exception:
            about = {"event": "fault", "request_id": asked.request_id, "route": template(scope)}
            log.error("a request failed", exc_info=True, extra={"about": about})
            if not status:
                await refuse(seen, 500, FAULT)
        finally:
            UNDER_WAY.dec()
            ASKED.reset(token)
            told(scope, asked, status, time.perf_counter() - began)


def told(scope: Scope, asked: Asked, status: int, took: float) -> None:
    """Count a request that was answered, and log it."""
    route = template(scope)
    method = scope["method"] if scope["method"] in METHODS else "other"
    REQUESTS.labels(route, method, status).inc()
    SECONDS.labels(route).observe(took)
    if log.isEnabledFor(logging.INFO):
        about = {
            "event": "request", "request_id": asked.request_id, "method": method, "route": route, "status": status,
            "ms": round(took * 1e3, 3), "model": asked.model, "pipeline": asked.pipeline, "client": asked.client,
        }  # fmt: skip
        log.info("request", extra={"about": {name: value for name, value in about.items() if value is not None}})


def template(scope: Scope) -> str:
    """Return the route of a request as it is declared, no id in it; none where it was turned away or is not there."""
    return str(scope.get("template") or getattr(scope.get("route"), "path_format", None) or "none")


@router.get("/metrics")
def metrics() -> Response:
    """Return every metric, of all workers together."""
    registry = REGISTRY
    if SHARED in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
