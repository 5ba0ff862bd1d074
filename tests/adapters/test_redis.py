"""A real Redis beside the cache: stopped, silent, flushed, it costs nothing but time."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import redis as client

from serendip.adapters.redis import TIMEOUT, Redis
from serendip.errors import UserError
from serendip.service import degrade
from serendip.service.serving import Serving
from serendip.store.project import Project


class Server:
    """A redis-server of our own that can be stopped, frozen and started again on the same port."""

    def __init__(self, folder):
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self):
        options = ["--port", str(self.port), "--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        until(self.pings)

    def pings(self):
        try:
            with client.Redis(port=self.port, socket_timeout=1) as asked:
                return asked.ping()
        except client.RedisError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def server(tmp_path_factory):
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    made = Server(tmp_path_factory.mktemp("redis"))
    yield made
    made.process.send_signal(signal.SIGCONT)
    made.stop()


@pytest.fixture
def shared(server):
    made = Redis(server.url, 60)
    yield made
    made.close()


def kept(shared, key, value):
    """Whether a value that is put is there after a while."""
    shared.put(key, value)
    return shared.get(key) == value


def test_what_is_put_is_there_until_its_time_is_over(server):
    shared = Redis(server.url, 1)
    assert shared.get(b"a") is None
    until(lambda: kept(shared, b"a", b"1"))
    until(lambda: shared.get(b"a") is None)
    shared.close()


def test_stopped_it_is_left_out_and_started_again_it_is_used(server, shared):
    until(lambda: kept(shared, b"a", b"1"))
    server.stop()
    assert shared.get(b"a") is None and not shared.answers
    server.start()
    until(lambda: shared.answers)
    until(lambda: kept(shared, b"b", b"2"))


def test_silent_it_costs_one_request_a_moment_and_the_others_nothing(server, shared):
    until(lambda: kept(shared, b"a", b"1"))
    server.process.send_signal(signal.SIGSTOP)
    assert shared.get(b"a") is None and not shared.answers
    faults = shared.faults
    for _ in range(1000):
        assert shared.get(b"a") is None
        shared.put(b"c", b"3")
    assert shared.faults <= faults + 2  # the thread's own pings at most
    server.process.send_signal(signal.SIGCONT)
    until(lambda: shared.answers)
    until(lambda: shared.get(b"a") == b"1")


def test_slow_by_five_seconds_it_is_left_out_and_a_late_answer_is_nobody_elses(server, shared):
    until(lambda: kept(shared, b"a", b"1"))
    until(lambda: kept(shared, b"b", b"2"))
    with client.Redis(port=server.port) as direct:
        direct.client_pause(5_000)  # it takes what is asked, and answers when the time is over
    assert shared.get(b"a") is None and not shared.answers
    for _ in range(1000):
        assert shared.get(b"b") is None
    until(lambda: shared.answers)
    until(lambda: shared.get(b"b") is not None)
    assert (shared.get(b"b"), shared.get(b"a")) == (b"2", b"1")


def test_flushed_it_is_filled_again(server, shared):
    until(lambda: kept(shared, b"a", b"1"))
    with client.Redis(port=server.port) as direct:
        direct.flushall()
    assert shared.get(b"a") is None and shared.answers
    until(lambda: kept(shared, b"a", b"1"))


def test_a_wrong_address_is_said():
    with pytest.raises(UserError, match=r"\[cache\] url is as redis://127.0.0.1:6379/0, not 'http://x'"):
        Redis("http://x", 60)
    absent = Redis("redis://127.0.0.1:9/0", 60)  # nobody there: as if it were silent
    assert absent.get(b"a") is None
    absent.close()
    assert TIMEOUT < 1


def ids(slate):
    return [one.item_id for one in slate.items]


def test_two_workers_share_slates_and_an_event_or_a_hidden_item_is_never_missed(server, shop):
    Path("project/serendip.toml").write_text(f"[cache]\nurl = '{server.url}'\nusers = 0\n")
    one, other = Serving(Project(Path("project"))), Serving(Project(Path("project")))
    try:
        for serving in (one, other):
            serving.fresh.grow()
        made = degrade.slate(one, "u14", 6)
        until(lambda: again(other, "u14").timings_ms.get("shared") is not None)
        assert ids(again(other, "u14")) == ids(made)
        with client.Redis(port=server.port) as direct:
            assert direct.dbsize() >= 1
            for key in direct.scan_iter():
                direct.set(key, b"{broken")
        assert ids(again(other, "u14")) == ids(made)  # what cannot be read is made anew
        one.live.store.hide(ids(made)[0])
        assert ids(made)[0] not in ids(degrade.slate(other, "u14", 6))
        server.stop()
        assert ids(again(one, "u14")) == ids(again(other, "u14"))
        assert again(one, "u14").degraded is None
    finally:
        one.close()
        other.close()
    assert os.listdir(server.folder) == []


def again(serving, user_id):
    serving.cache.clear()
    return degrade.slate(serving, user_id, 6)
