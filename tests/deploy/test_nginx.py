"""The nginx configuration with a real nginx before two real servers: one is killed, one is stopped, requests go on."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest

import serendip
from serendip.store.store import Store

CONF = (Path(__file__).parents[2] / "deploy" / "nginx.conf").read_text()
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def free():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture
def before(tmp_path):
    """Start nginx with the configuration before two ports: give its address and its access log."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    started = []

    def start(one, two):
        port, folder = free(), tmp_path / "nginx"
        folder.mkdir()
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        own = "".join(f"  {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
        text = CONF.replace("one:8000", f"127.0.0.1:{one}").replace("two:8000", f"127.0.0.1:{two}")
        text = text.replace("listen 8080", f"listen 127.0.0.1:{port}").replace("http {\n", f"http {{\n{own}", 1)
        for there, here in (
            ("/var/run", folder),
            ("/dev/stderr", folder / "error"),
            ("/dev/stdout", folder / "access"),
        ):
            assert there in text
            text = text.replace(there, str(here))
        (folder / "nginx.conf").write_text(text)
        who = "user root;" if os.geteuid() == 0 else ""  # the test's folder is closed to others
        command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", f"daemon off; {who}"]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=30)
        assert checked.returncode == 0, checked.stderr
        started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        address = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 10
        while True:
            try:
                httpx.get(address)
                return address, folder / "access"
            except httpx.TransportError:
                assert time.monotonic() < end
                time.sleep(0.05)

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


class Load:
    """Threads that ask and record through an address until they are told to stop."""

    def __init__(self, address):
        self.address, self.going = address, threading.Event()
        self.statuses, self.sent, self.recorded = [], set(), set()
        self.threads = [threading.Thread(target=self.ask, args=(n,)) for n in range(3)]
        self.threads.append(threading.Thread(target=self.record))
        self.errors = []

    def ask(self, n):
        with httpx.Client(base_url=self.address, timeout=20) as client:
            while not self.going.is_set():
                try:
                    if n:
                        self.statuses.append(client.get(f"/v1/users/u{n}/recommendations").status_code)
                    else:
                        self.statuses.append(client.post("/v1/recommend", json={"history": ["i1"]}).status_code)
                except httpx.TransportError as error:
                    self.errors.append(error)

    def record(self):
        with serendip.Client(self.address, retries=8) as client:
            for n in range(100_000):
                if self.going.is_set():
                    return
                self.sent.add(f"e{n}")
                client.record([{"user_id": "load", "item_id": f"i{n % 60}", "event_id": f"e{n}"}])
                self.recorded.add(f"e{n}")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.going.set()
        for thread in self.threads:
            thread.join()

    def more(self, n=60):
        """Wait until so many more requests of each kind are answered."""
        asked, recorded, end = len(self.statuses) + n, len(self.recorded) + n // 4, time.monotonic() + 30
        while len(self.statuses) < asked or len(self.recorded) < recorded:
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_one_server_goes_and_requests_go_on(how, served, before, shop):
    with served() as (one, first), served() as (_, second):
        ports = [address.rpartition(":")[2] for address in (first, second)]
        address, log = before(*ports)
        with Load(address) as load:
            load.more()
            one.send_signal(how)
            one.wait(20)
            load.more()
            with served(port=int(ports[0])):
                seen = log.read_text().count(f":{ports[0]} ")
                end = time.monotonic() + 15
                while log.read_text().count(f":{ports[0]} ") < seen + 5:  # it is asked again
                    assert time.monotonic() < end
                    time.sleep(0.1)
                load.more()
                load.__exit__()
                load.threads.clear()
        assert not load.errors
        assert set(load.statuses) == {200}, {s: load.statuses.count(s) for s in set(load.statuses)}
        assert load.recorded == load.sent
    with Store.open(shop / "project/serendip.db", create=False) as store:
        assert store.counts().events == 240 * 7 + len(load.sent)


def test_what_nginx_logs_names_nobody_and_what_it_hides(served, before):
    with served() as (_, one):
        port = one.rpartition(":")[2]
        address, log = before(port, free())
        answer = httpx.get(f"{address}/v1/users/jane.doe/recommendations?k=2")
        assert answer.status_code == 200 and answer.headers["server"] == "nginx"  # without its version
        assert httpx.get(f"{address}/metrics").status_code == 404
        too_long = httpx.post(f"{address}/v1/events", content=b"[" + b" " * (4 << 20) + b"]")
        assert too_long.status_code == 413 and too_long.json()["code"] == "too_long"
        time.sleep(0.2)
        text = log.read_text()
        assert "jane" not in text
        assert re.search(rf" GET 200 [\d.]+ \S*127\.0\.0\.1:{port} {answer.headers['x-request-id']}", text)
