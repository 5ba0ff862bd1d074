"""`serendip serve --workers`: several processes behind one socket; how they follow, end and are replaced."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from serendip.models.als import ALS
from serendip.service.settings import learned, settings_of
from serendip.service.train import fitted
from serendip.store.project import Project

COMMAND = [
    sys.executable,
    "-c",
    "from serendip.cli import main; main()",
    "serve",
    "--project",
    "project",
    "--port",
    "0",
]
PATH = "v1/users/u14/recommendations"


@contextmanager
def serving(n: int) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    with subprocess.Popen(
        [*COMMAND, "--workers", str(n)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as p:
        try:
            assert p.stdout is not None
            line = p.stdout.readline()
            assert line.startswith("Serving on http://127.0.0.1:"), line + (p.stderr.read() if p.stderr else "")
            yield p, line.split()[2]
        finally:
            for child in psutil.Process(p.pid).children() if p.poll() is None else []:
                child.kill()
            p.kill()


def until(what):
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_every_worker_follows_a_published_model_and_no_request_fails(shop):
    project = Project(Path("project"))
    with project.store() as store:
        second = fitted(project, ALS(rank=8, epochs=3), learned(store, settings_of(project)))
    first = project.current()
    with serving(2) as (process, address), ThreadPoolExecutor(4) as pool:
        until(lambda: len(psutil.Process(process.pid).children()) == 2)

        def ask(_):
            return httpx.get(address + PATH).json()["model"]  # a connection each, so that any worker may answer

        assert set(pool.map(ask, range(20))) == {first}
        for version in (second, first, second):
            project.publish(version)
            until(lambda version=version: set(pool.map(ask, range(40))) == {version})


def test_a_worker_that_dies_is_replaced_and_sigterm_ends_all(shop):
    with serving(2) as (process, address):
        parent = psutil.Process(process.pid)
        until(lambda: len(parent.children()) == 2)
        old = {child.pid for child in parent.children()}
        os.kill(min(old), signal.SIGKILL)
        until(lambda: len(parent.children()) == 2 and {child.pid for child in parent.children()} != old)
        assert httpx.get(address + PATH).status_code == 200
        children = parent.children()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == -signal.SIGTERM
        until(lambda: not any(child.is_running() for child in children))


def test_workers_do_not_outlive_their_parent(shop):
    with serving(2) as (process, _):
        children = psutil.Process(process.pid).children()
        process.kill()
        process.wait(20)
        until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))


def test_sigterm_lets_requests_end(shop):
    with serving(2) as (process, address), httpx.Client(base_url=address, timeout=20) as client:
        assert client.get("/v1/health/ready").status_code == 200

        def slow():  # a body that comes in two pieces, the second after the signal
            yield b'{"history": ["i30"], '
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            yield b'"k": 3}'

        sent = client.post("/v1/recommend", content=slow(), headers={"content-type": "application/json"})
        assert sent.status_code == 200 and len(sent.json()["items"]) == 3
        assert process.wait(20) == -signal.SIGTERM


def test_a_project_without_a_model_is_said_once_and_nothing_is_left(tmp_path, serendip):
    (tmp_path / "empty").mkdir()
    done = serendip("serve", "--project", tmp_path / "empty", "--port", "0", "--workers", "2")
    assert done.returncode == 1
    assert "there is no store" in done.stderr and "Traceback" not in done.stderr
