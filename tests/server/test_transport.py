"""An answer goes out at once: whoever reads its head has its body."""

import asyncio
import socket
import struct
import sys
import threading

import pytest
import uvicorn

from serendip.server.shed import protocol


async def app(scope, receive, send):
    """Answer as the path says: at once, after a while, without a body."""
    length = b"0" if scope["path"] == "/empty" else b"4"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    if scope["path"] == "/late":
        await asyncio.sleep(0.2)
    await send({"type": "http.response.body", "body": b"" if scope["path"] == "/empty" else b"body"})


@pytest.fixture
def connection():
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=protocol(4), log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    with socket.create_connection(listening.getsockname(), timeout=20) as one:
        yield one
    server.should_exit = True
    thread.join()


def ask(connection, path, *headers):
    connection.sendall("\r\n".join([f"GET {path} HTTP/1.1", "host: shop", *headers, "", ""]).encode())
    return connection.recv(1 << 16)


def pieces(connection):
    """Return how many segments with data have come: data_segs_in of Linux' struct tcp_info."""
    return struct.unpack_from("=I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160), 152)[0]


@pytest.mark.skipif(sys.platform != "linux", reason="tcp_info is Linux'")
def test_head_and_body_come_in_one_piece(connection):
    before = pieces(connection)
    assert all(ask(connection, "/").endswith(b"\r\n\r\nbody") for _ in range(50))
    assert pieces(connection) - before == 50


def test_a_head_does_not_wait_for_a_late_body(connection):
    assert ask(connection, "/late").endswith(b"\r\n\r\n")
    assert connection.recv(1 << 16) == b"body"


def test_nothing_is_lost_where_the_connection_is_closed(connection):
    assert ask(connection, "/empty").endswith(b"\r\n\r\n")
    assert ask(connection, "/", "connection: close").endswith(b"\r\n\r\nbody")
    assert connection.recv(1 << 16) == b""
