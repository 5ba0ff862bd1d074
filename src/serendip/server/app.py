"""The ASGI app: routes under /v1, the page at /, errors as flat codes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from serendip import __version__
from serendip.dashboard.page import page
from serendip.errors import NotFound, Unavailable, UserError
from serendip.server import metrics
from serendip.server.front import Front
from serendip.server.headers import Headers
from serendip.server.keys import Gate
from serendip.server.limits import Limits
from serendip.server.metrics import Measured
from serendip.server.openapi import describe
from serendip.server.routes import (
    catalogue,
    events,
    health,
    items,
    models,
    onboarding,
    privacy,
    recommend,
    rules,
    users,
)
from serendip.server.shed import Shed
from serendip.server.trace import Trace, provider
from serendip.server.vitals import Vitals
from serendip.server.wire import BadRequest, answer
from serendip.service.answer import Failure
from serendip.service.fold import Fold
from serendip.service.keys import Keys
from serendip.service.record import Recorder
from serendip.service.serving import Serving
from serendip.service.warming import Warming
from serendip.service.watch import Watch
from serendip.store.project import Project


@dataclass(frozen=True)
class ServerSettings:
    """What the app needs to know.

    project: its folder; k: how long a slate is; origins: sites whose pages may use the API; requests: log each of them;
    traces: the address of a collector; shared: a folder where several workers count together; waiting: requests that
    wait before any is turned away.
    """

    project: Path
    k: int = 10
    origins: tuple[str, ...] = ()
    requests: bool = False
    traces: str = ""
    shared: Path | None = None
    waiting: int = 64


def create_app(settings: ServerSettings) -> FastAPI:
    """Return the app of a project.

    Raises:
        UserError: the project has no published model, or traces are asked for and OpenTelemetry is missing.
    """
    project = Project(settings.project)
    traces = provider(settings.traces) if settings.traces else None
    serving = Serving(project)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        threads = (Warming(serving, settings.k), Watch(serving), Vitals(serving), Fold(serving.live.store))
        serving.fresh.start()
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            await run_in_threadpool(thread.stop)
        await run_in_threadpool(serving.fresh.stop)
        if traces is not None:
            await run_in_threadpool(traces.shutdown)
        serving.close()

    app = FastAPIOffline(title="Serendip", version=__version__, lifespan=lifespan)
    app.state.serving = serving
    app.state.recorder = Recorder(serving.live.store)
    app.state.k = settings.k
    app.state.origins = settings.origins
    app.add_middleware(Front, serving=serving, k=settings.k)  # the innermost
    app.add_middleware(Gate, keys=Keys(project), limits=Limits(settings.shared))
    if settings.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.origins, allow_methods=["*"],
            allow_headers=["authorization", "content-type"], expose_headers=["retry-after"],
        )  # fmt: skip
    if traces is not None:
        app.add_middleware(Trace, provider=traces)
    app.add_middleware(Measured)
    app.add_middleware(Headers)
    app.add_middleware(Shed, most=settings.waiting)
    for routes in (users, items, recommend, rules, events, health, models, onboarding):
        app.include_router(routes.router)
    for router in (
        privacy.router,
        catalogue.items,
        catalogue.users,
    ):  # last: their paths take others' in
        app.include_router(router)
    app.include_router(metrics.router)
    app.include_router(page)
    app.add_exception_handler(BadRequest, bad_request)
    app.add_exception_handler(NotFound, not_found)
    app.add_exception_handler(Unavailable, unavailable)
    app.add_exception_handler(UserError, not_possible)
    app.add_exception_handler(RequestValidationError, not_valid)
    app.add_exception_handler(HTTPException, no_route)
    describe(app)
    return app


def bad_request(request: Request, error: Exception) -> Response:
    """Answer a request that cannot be taken."""
    assert isinstance(error, BadRequest)
    return answer(error.failure, error.status)


def not_found(request: Request, error: Exception) -> Response:
    """Answer a request for something that is not there."""
    return answer(Failure("not_found", str(error)), 404)


def unavailable(request: Request, error: Exception) -> Response:
    """Answer while the store cannot be used."""
    return answer(Failure("unavailable", str(error)), 503)


def not_possible(request: Request, error: Exception) -> Response:
    """Answer a request that asks for what cannot be done."""
    return answer(Failure("invalid", str(error)), 422)


def not_valid(request: Request, error: Exception) -> Response:
    """Answer parameters of the wrong type."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return answer(Failure("invalid", f"{where}: {first['msg']}"), 422)


def no_route(request: Request, error: Exception) -> Response:
    """Answer a path or a method that is not there."""
    assert isinstance(error, HTTPException)
    code, said = "refused", str(error.detail)
    if error.status_code == 404:
        code, said = "not_found", f"there is no route {request.method} {request.url.path}; /docs lists all"
    elif error.status_code == 405:
        said = f"{request.url.path} cannot be asked by {request.method}; /docs says how"
    return answer(Failure(code, said), error.status_code)
