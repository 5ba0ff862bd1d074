"""`serendip serve` as a process: what it prints, what it keeps, how it ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

SERVE = [sys.executable, "-c", "from serendip.cli import main; main()", "serve", "--project", "project", "--port", "0"]


@contextmanager
def serving(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    with subprocess.Popen(SERVE, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Serving on http://127.0.0.1:"), line
            yield process, line.split()[2]
        finally:
            process.kill()


def test_it_logs_nothing_of_anyone_and_ends_on_ctrl_c(shop):
    with serving(shop) as (process, address):
        with httpx.Client(base_url=address) as client:
            client.post("/v1/events", json={"user_id": "jane.doe@example.org", "item_id": "i1"})
            client.get("/v1/users/jane.doe@example.org/recommendations", headers={"authorization": "Bearer secret"})
            client.get("/v1/items/none/similar")
            client.post("/v1/events", content=b'{"user_id": "jane.doe@example.org"')
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert out == ""
        assert err == "serendip: stopped; the same command goes on from here\n"


def test_what_was_acknowledged_outlives_a_kill(shop):
    with serving(shop) as (process, address):
        for n in range(5):
            sent = httpx.post(f"{address}v1/events", json={"user_id": "late", "item_id": f"i{n}"})
            assert sent.json()["new"] == 1
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    with serving(shop) as (_, address):
        slate = httpx.get(f"{address}v1/users/late/recommendations?history=true").json()
        assert [past["item_id"] for past in slate["history"]] == ["i4", "i3", "i2", "i1", "i0"]


def test_a_port_in_use_is_said(shop, serendip):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serendip("serve", "--project", "project", "--port", port)
    assert done.returncode == 1
    assert done.stderr == f"serendip: port {port} of 127.0.0.1 is in use: choose another with --port\n"


def test_it_listens_on_loopback_only(shop, serendip):
    for host, said in (("0.0.0.0", "loopback only"), ("nowhere.invalid", "is no address")):
        done = serendip("serve", "--project", "project", "--host", host)
        assert done.returncode == 1
        assert said in done.stderr and done.stderr.count("\n") == 1


def test_the_port_of_the_settings_is_checked(shop, serendip):
    (shop / "project/serendip.toml").write_text("[serving]\nport = 99999\n")
    done = serendip("serve", "--project", "project")
    assert done.returncode == 1
    assert done.stderr == (
        f"serendip: project{os.sep}serendip.toml: [serving] port is from 1 to 65535, and 99999 is not\n"
    )
