"""Traces as a collector gets them: a real exporter sends to an HTTP server on loopback."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import uvicorn

from serendip.errors import UserError
from serendip.server import ServerSettings, create_app

trace_service = pytest.importorskip(
    "opentelemetry.proto.collector.trace.v1.trace_service_pb2", reason="opentelemetry is not installed"
)


@pytest.fixture
def collector():
    """Return the address of a collector, and the spans that have come in."""
    spans = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            import gzip

            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            sent = trace_service.ExportTraceServiceRequest.FromString(body)
            assert self.path == "/v1/traces"
            for resource in sent.resource_spans:
                names = {a.key: a.value.string_value for a in resource.resource.attributes}
                assert names["service.name"] == "serendip"
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", spans
        server.shutdown()
        thread.join()


def test_a_request_is_a_span_with_its_stages(shop, collector):
    address, spans = collector
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = create_app(ServerSettings(shop / "project", traces=address))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.005)
        parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
            slate = client.get("/v1/users/jane.doe/recommendations", headers={"traceparent": parent})
            client.get("/v1/items/jane.doe/similar")
        server.should_exit = True
        thread.join()
    first, second = spans
    about = {a.key: a.value.string_value or a.value.int_value or a.value.double_value for a in first.attributes}
    assert first.name == "GET /v1/users/{user_id}/recommendations"
    assert first.trace_id.hex() == parent.split("-")[1] and first.parent_span_id.hex() == parent.split("-")[2]
    assert about["http.response.status_code"] == 200 and about["http.request.method"] == "GET"
    assert about["serendip.request_id"] == slate.json()["request_id"]
    assert about["serendip.model"] == slate.json()["model"]
    assert about["serendip.stage.rank_ms"] == slate.json()["timings_ms"]["rank"]
    assert first.end_time_unix_nano > first.start_time_unix_nano
    assert second.name == "GET /v1/items/{item_id}/similar" and not second.parent_span_id
    assert not any(b"jane" in span.SerializeToString() for span in spans)


def test_an_address_that_is_none_is_said(shop):
    with pytest.raises(UserError, match="is an address such as"):
        create_app(ServerSettings(shop / "project", traces="localhost:4318"))
