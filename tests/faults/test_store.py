"""The database locked, gone or stopped under a server: slates go on, no event is lost, all is well afterwards."""

import os
import pwd
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from serendip.service.serving import OUT

STORE = "the store cannot be read"


def slate(client, user, **more):
    answer = client.get(f"/v1/users/{user}/recommendations", params={"k": 5, **more})
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert len(made["items"]) == 5
    return made


def sent(client, event_id):
    return client.post("/v1/events", json={"user_id": "u14", "item_id": "i3", "event_id": event_id})


def refused(answer):
    return answer.status_code == 503 and answer.json()["code"] == "unavailable" and int(answer.headers["retry-after"])


def until(true):
    """Wait for what comes by itself."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_lock_that_outlasts_the_patience_refuses_writes_and_stops_no_slate(shop, running):
    client, app = running("project")
    app.state.serving.live.store._database._writer.execute("PRAGMA busy_timeout = 300")  # instead of half a minute
    held = sqlite3.connect("project/serendip.db", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    assert refused(sent(client, "a")) and refused(sent(client, "a"))
    assert client.put("/v1/items/new", json={"attributes": {"title": "New"}}).status_code == 503
    for user in ("u14", "u15", "stranger"):
        assert slate(client, user)["degraded"] is None
    held.execute("ROLLBACK")
    held.close()
    assert sent(client, "a").json()["new"] == 1 and sent(client, "a").json()["repeated"] == 1


def test_a_file_that_was_moved_away_takes_no_event_and_is_at_work_again_where_it_is_back(shop, running):
    client, _ = running("project")
    before = slate(client, "u14")
    os.rename("project/serendip.db", "project/away.db")
    assert refused(sent(client, "a"))
    assert client.get("/v1/health/ready").status_code == 503
    assert slate(client, "u14")["items"] == before["items"] and slate(client, "stranger")
    os.rename("project/away.db", "project/serendip.db")
    assert client.get("/v1/health/ready").status_code == 200
    assert sent(client, "a").json()["new"] == 1
    assert "i3" in {past["item_id"] for past in slate(client, "u14", history=True)["history"]}


@pytest.fixture
def power(own_postgres):
    """The address of a PostgreSQL, and what cuts its power and what gives it back."""
    port = int(own_postgres.rsplit(":", 1)[1].split("/")[0])
    (process,) = {
        psutil.Process(link.pid) for link in psutil.net_connections("tcp4")
        if link.laddr and link.laddr.port == port and link.status == psutil.CONN_LISTEN
    }  # fmt: skip
    command, folder = process.cmdline(), process.cwd()
    who = {"user": pwd.getpwnam("postgres").pw_uid, "extra_groups": []} if os.getuid() == 0 else {}
    again = []

    def off():
        process.send_signal(signal.SIGQUIT)  # as pg_ctl stop -m immediate: nothing is tidied up
        psutil.wait_procs([process], 30)

    def on():
        again.append(subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL, **who))

    yield own_postgres, off, on
    for one in again:
        one.send_signal(signal.SIGINT)
        one.wait(30)


def test_postgresql_loses_its_power_and_gets_it_back(shop, running, power, inside):
    url, off, on = power
    Path("pg").mkdir()
    Path("pg/serendip.toml").write_text(f'[storage]\nurl = "{url}"\n')
    done = inside("run", "events.csv", "--items", "items.csv", "--algorithms", "itemknn", "--project", "pg")
    assert done.returncode == 0, done.stderr
    client, _ = running("pg")
    before = slate(client, "u14")
    assert before["degraded"] is None and sent(client, "a").json()["new"] == 1
    known = slate(client, "u15")
    off()
    asked = slate(client, "u15", history=True)  # by the model, from the history as it was last seen
    assert asked["degraded"] == STORE and asked["known"] and asked["items"] == known["items"]
    stranger = slate(client, "u16")
    assert stranger["degraded"] == STORE and {one["source"] for one in stranger["items"]} == {"fallback"}
    assert slate(client, "u14")["degraded"] == STORE
    assert refused(sent(client, "b"))
    assert client.get("/v1/health/ready").status_code == 503
    on()
    until(lambda: sent(client, "b").status_code == 200)
    time.sleep(OUT)
    until(lambda: slate(client, "u14")["degraded"] is None)
    assert sent(client, "a").json()["repeated"] == 1 and sent(client, "b").json()["repeated"] == 1
    assert slate(client, "u16")["degraded"] is None
