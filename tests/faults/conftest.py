"""Servers that a test starts, as many as it needs."""

import threading
import time
from pathlib import Path

import httpx
import pytest
import uvicorn

from serendip.server import ServerSettings, create_app


@pytest.fixture
def running():
    """Start a server of a project in a thread: give a client of it, and its app."""
    started = []

    def start(project):
        app = create_app(ServerSettings(Path(project)))
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        started.append((server, thread, client))
        return client, app

    yield start
    for server, thread, client in started:
        client.close()
        server.should_exit = True
        thread.join()
