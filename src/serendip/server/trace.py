"""Traces by OpenTelemetry (the `otel` extra): a span a request, its stages within, sent to a collector by OTLP.

The attributes are those of the semantic conventions for HTTP servers; like the log, they name nobody.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from serendip import __version__
from serendip.errors import UserError
from serendip.server.front import App, Receive, Scope, Send
from serendip.server.metrics import METHODS, template
from serendip.service.asked import ASKED

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


def provider(address: str) -> "TracerProvider":
    """Return what sends spans to the collector at an address, in batches, by a thread of its own.

    Raises:
        UserError: OpenTelemetry is not installed, or the address is none.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise UserError("[serving] traces needs OpenTelemetry: `pip install 'serendip[otel]'`") from None
    if not address.startswith(("http://", "https://")):
        raise UserError(f"[serving] traces is an address such as http://127.0.0.1:4318, not {address!r}")
    resource = Resource.create({"service.name": "serendip", "service.version": __version__})
    made = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{address.rstrip('/')}/v1/traces", timeout=5)
    made.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    return made


class Trace:
    """ASGI: a span around each request, a child of the one that its `traceparent` header names."""

    def __init__(self, app: App, provider: "TracerProvider") -> None:
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.app, self.tracer = app, provider.get_tracer("serendip", __version__)
        self.kind, self.error = SpanKind.SERVER, StatusCode.ERROR
        self.parent = TraceContextTextMapPropagator().extract

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "other"
        sent = {
            k.decode("latin-1"): v.decode("latin-1")
            for k, v in scope["headers"]
            if k in (b"traceparent", b"tracestate")
        }
        span = self.tracer.start_span(method, context=self.parent(sent), kind=self.kind)
        status = 500

        async def seen(message: Scope) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, seen)
        finally:
            span.update_name(f"{method} {template(scope)}")
            span.set_attributes({"http.request.method": method, "http.route": template(scope),
                                 "http.response.status_code": status, **asked()})  # fmt: skip
            if status >= 500:
                span.set_status(self.error)
            span.end()


def asked() -> Mapping[str, str | float]:
    """Return what is known of the request that is being answered."""
    found = ASKED.get()
    if found is None:
        return {}
    stages = {f"serendip.stage.{name}_ms": ms for name, ms in found.stages.items()}
    about = {"request_id": found.request_id, "model": found.model, "pipeline": found.pipeline, "client": found.client}
    return stages | {f"serendip.{name}": value for name, value in about.items() if value is not None}
