"""The HTTP pages against a running server: every example is sent, and the answer has the fields that are shown."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("serving.md", "rules.md", "catalogue.md", "onboarding.md")
PAGE = "\n".join((DOCS / name).read_text(encoding="utf-8") for name in PAGES)
PAIR = re.compile(r"^```http\n(\w+) (\S+)\n(.*?)^```\n\n```json\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SERENDIP = Path(sys.executable).with_name("serendip")


@pytest.fixture(scope="module")
def server(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HTTPConnection]:
    """Return a connection to a server of the simulated shop."""
    project = tmp_path_factory.mktemp("project")
    sources = [files / "events.csv", "--items", files / "items.csv", "--users", files / "users.csv"]
    words = ["run", *sources, "--project", project, "--algorithms", "itemknn"]
    made = subprocess.run([SERENDIP, *words], capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [SERENDIP, "serve", "--project", project, "--port", str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    try:
        assert b"Serving on" in process.stdout.readline()
        connection = ready(port)
        yield connection
        connection.close()
    finally:
        process.terminate()
        process.communicate(timeout=30)


def ready(port: int) -> HTTPConnection:
    """Return a connection, once the server takes one."""
    for _ in range(100):
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            connection.connect()
        except OSError:
            time.sleep(0.1)
        else:
            return connection
    raise AssertionError("the server does not answer")


@pytest.mark.parametrize(
    ("method", "path", "body", "shown"), PAIR.findall(PAGE), ids=[p[1] for p in PAIR.findall(PAGE)]
)
def test_example(server: HTTPConnection, method: str, path: str, body: str, shown: str) -> None:
    server.request(method, path, body or None, {"Content-Type": "application/json"} if body else {})
    response = server.getresponse()
    answer, expected = json.loads(response.read()), json.loads(shown)
    assert response.status in ((404,) if "code" in expected else (200, 201)), answer
    alike(expected, answer, path)


def alike(expected: object, answer: object, where: str) -> None:
    """Assert that an answer has the fields that are shown, of the same kinds."""
    if isinstance(expected, dict):
        assert isinstance(answer, dict) and set(answer) == set(expected), f"{where}: {answer}"
        for name, value in expected.items():
            alike(value, answer[name], f"{where}.{name}")
    elif isinstance(expected, list):
        assert isinstance(answer, list) and bool(answer) == bool(expected), f"{where}: {answer}"
        for one in answer if expected else []:
            alike(expected[0], one, f"{where}[]")
    elif isinstance(expected, (int, float)) and not isinstance(expected, bool):
        assert isinstance(answer, (int, float)), f"{where}: {answer}"
    else:
        assert type(answer) is type(expected), f"{where}: {answer}"


def test_every_route_is_shown(server: HTTPConnection) -> None:
    server.request("GET", "/openapi.json")
    paths = json.loads(server.getresponse().read())["paths"]
    shown = [(method, path.partition("?")[0]) for method, path, _, _ in PAIR.findall(PAGE)]
    for path, operations in paths.items():
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "$")
        for method in operations:
            assert any(m.lower() == method and pattern.match(p) for m, p in shown) or path == "/", f"{method} {path}"
