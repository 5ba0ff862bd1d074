"""Token buckets: what a second holds, how long to wait, and several processes with one bucket."""

import os
import time

import pytest

from serendip.server.limits import Limits


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("serendip.server.limits.time.monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("shared", [False, True])
def test_a_second_holds_the_rate_and_fills_up_again(clock, shared, tmp_path):
    limits = Limits(tmp_path if shared else None)
    assert [limits.wait("a", 10) for _ in range(10)] == [0.0] * 10
    assert limits.wait("a", 10) == pytest.approx(0.1)
    assert limits.wait("b", 10) == 0.0  # a bucket of its own
    clock[0] += 0.35
    assert [limits.wait("a", 10) > 0 for _ in range(4)] == [False, False, False, True]
    clock[0] += 1000
    assert [limits.wait("a", 10) > 0 for _ in range(11)] == [False] * 10 + [True]


def test_less_than_one_a_second(clock):
    limits = Limits()
    assert limits.wait("a", 0.1) == 0.0
    assert limits.wait("a", 0.1) == pytest.approx(10)
    clock[0] += 10
    assert limits.wait("a", 0.1) == 0.0


def test_processes_share_a_bucket(tmp_path):
    ours, pids = Limits(tmp_path), []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            limits = Limits(tmp_path)
            os._exit(sum(limits.wait("a", 100) == 0.0 for _ in range(60)))
        pids.append(pid)
    began = time.monotonic()
    taken = sum(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids)
    assert 100 <= taken <= 101 + 100 * (time.monotonic() - began + 0.5)
    assert taken < 240
    assert ours.wait("a", 100) > 0 or time.monotonic() - began > 0.005
