"""Retraining: when it is due, what may take over, and two schedulers that do not both publish."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from serendip.errors import UserError
from serendip.models.popular import Popular
from serendip.service.record import record
from serendip.service.schedule import decisions, due, once, seconds
from serendip.service.settings import learned, settings_of
from serendip.service.train import train
from serendip.store.artefacts import about
from serendip.store.lease import Lost
from serendip.store.project import Project

DAY = 86_400


@pytest.fixture
def project(shop):
    return Project(Path("project"))


@pytest.fixture
def store(project):
    with project.store(create=False) as store:
        yield store


def scheduled(project, **changes):
    settings = settings_of(project)
    return replace(settings, schedule=replace(settings.schedule, **changes))


def shopping(n, start=0):
    """Events of users who go on with their own taste."""
    now = int(time.time() * 1000)
    return [
        {"user_id": f"u{u}", "item_id": f"i{(u % 6) * 10 + (u + t) % 10}", "timestamp": now - n + t, "type": "purchase"}
        for t, u in enumerate(range(start, start + n))
    ]


@pytest.mark.parametrize(("text", "n"), [("90s", 90), ("30m", 1800), ("6h", 21600), ("7d", 7 * DAY), ("", None)])
def test_a_time_is_written_with_its_unit(text, n):
    assert seconds(text) == n


@pytest.mark.parametrize("text", ["6", "h", "six hours", "0h", "-1h", "1w"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UserError, match="every is a time"):
        seconds(text)


def test_it_is_due_on_time_or_on_events(project, store):
    assert due(project, store, scheduled(project, every="24h")) is None
    assert due(project, store, scheduled(project, every="", events=10)) is None
    record(store, shopping(10))
    assert due(project, store, scheduled(project, every="24h")) is None
    assert due(project, store, scheduled(project, every="", events=11)) is None
    assert due(project, store, scheduled(project, every="", events=10)) == "10 new events"
    model = project.model(project.current()) / "model.json"
    os.utime(model, (time.time() - DAY, time.time() - DAY))
    assert due(project, store, scheduled(project, every="23h")) == "24.0 hours since the last time"
    assert due(project, store, scheduled(project, every="25h")) is None
    os.utime(model, (time.time() + 30 * DAY,) * 2)  # the clock was a month ahead
    assert due(project, store, scheduled(project, every="25h")) is not None


def test_a_model_that_is_no_worse_takes_over_and_a_round_is_done_once(project, store):
    first, settings = project.current(), scheduled(project, every="", events=50)
    record(store, shopping(60))
    made = once(project, store, settings)
    assert made.new == project.current() != first and made.current == first
    assert made.why == "60 new events" and made.numbers["n_users"] > 0
    assert once(project, store, settings) is None
    assert decisions(project) == [made]
    told = about(project.model(made.new))
    assert told["n_events"] == about(project.model(first))["n_events"] + 60
    assert told["report"]["against_current"]["difference"] == made.numbers["difference"]
    assert "schedule: " in project.journal.read_text()


def test_a_model_that_is_worse_does_not_take_over_and_the_numbers_are_kept(project, store):
    first = project.current()
    assert about(project.model(first))["algorithm"] != "popular"
    made = once(project, store, scheduled(project, algorithm="popular"), "asked for")
    assert made.new is None and project.current() == first
    assert made.numbers["ci95"][0] < 0 and "does not serve" in made.verdict
    assert len(project.versions()) == 1  # what does not serve is not fitted on everything


def test_a_better_algorithm_takes_over(project, store):
    settings = scheduled(project, algorithm="ease")
    train(project, Popular(), learned(store, settings))
    made = once(project, store, settings, "asked for")
    assert made.numbers["ci95"][0] > 0 and about(project.model(project.current()))["algorithm"] == "ease"


def test_a_lease_is_held_by_one_and_ends_by_itself(store):
    one, other = store.lease("x", 0.2), store.lease("x", 0.2)
    assert one.take() and not other.take()
    time.sleep(0.1)
    one.renew()
    time.sleep(0.15)
    assert not other.take()
    with one.held():
        pass
    time.sleep(0.2)
    assert other.take() and not one.take()
    with pytest.raises(Lost), one.held():
        raise AssertionError("held without a lease")
    with pytest.raises(Lost):
        one.renew()
    one.release()  # of somebody else's lease: nothing
    assert not one.take()
    other.release()
    assert one.take()


def test_a_lease_that_ends_too_far_off_was_written_by_a_wrong_clock(store):
    far = store.lease("x", 1e7)
    assert far.take()
    assert store.lease("x", 60).take()


def test_a_scheduler_that_is_paused_past_its_lease_publishes_nothing(project):
    settings = Path("project/serendip.toml")
    settings.write_text(settings.read_text().replace("lease = 300.0", "lease = 1.0"))
    assert "lease = 1.0" in settings.read_text()
    first = project.current()
    with project.store() as store:
        record(store, shopping(60))
    command = [
        sys.executable,
        "-c",
        "from serendip.cli import main; main()",
        *["schedule", "--once", "--json", "--project", "project"],
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as paused:
        looking = sqlite3.connect("project/serendip.db")
        while looking.execute("SELECT count(*) FROM meta WHERE key = 'lease.schedule'").fetchone() == (0,):
            assert paused.poll() is None
            time.sleep(0.002)
        paused.send_signal(signal.SIGSTOP)
        looking.close()
        time.sleep(1.2)
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        second = json.loads(done.stdout)["new"]
        assert project.current() == second != first
        paused.send_signal(signal.SIGCONT)
        out, err = paused.communicate(timeout=100)
    assert paused.returncode == 1 and out == ""
    assert "another process has taken it" in err and err.count("\n") == 1
    assert project.current() == second
    assert [one.new for one in decisions(project)] == [second]


def test_two_at_once_make_one_model(project):
    command = [
        sys.executable,
        "-c",
        "from serendip.cli import main; main()",
        "schedule",
        "--once",
        "--project",
        "project",
    ]
    with project.store() as store:
        record(store, shopping(60))
        lease = store.lease("schedule", 60)
        assert lease.take()
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 1 and "another scheduler is at work" in done.stderr
        lease.release()
    assert decisions(project) == []
