"""The doctor: a project in order, and each thing that may be wrong with one, really made wrong."""

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import time

import pytest

from serendip.service.doctor import examine, redis
from serendip.service.keys import create, revoke
from serendip.service.settings import settings_of
from serendip.store.project import Project


@pytest.fixture
def project(shop):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (shop / "project/serendip.toml").write_text(f"[serving]\nport = {port}\n")
    return Project(shop / "project")


def found(project, check):
    return next(one for one in examine(project) if one.check == check)


def test_a_project_in_order(project):
    every = list(examine(project))
    states = {one.check: one.state for one in every}
    assert " ".join(states) == "settings python kernels clock folder disk store model golden keys port redis"
    assert not [one for one in every if one.state == "problem"]
    assert states["store"] == states["model"] == states["golden"] == states["port"] == "ok"
    assert "1,680 events of 240 users and 60 items" in found(project, "store").said
    assert all(one.do for one in every if one.state == "warning")


def test_settings_that_cannot_be_read(project):
    project.settings.write_text("[serving]\nprot = 1\n")
    assert "did you mean 'port'" in found(project, "settings").said


def test_no_project(tmp_path):
    states = {one.check: one.state for one in examine(Project(tmp_path / "none"))}
    assert {name for name, state in states.items() if state == "problem"} == {"folder", "store", "model", "golden"}


def test_a_page_of_the_store_is_damaged(project):
    with sqlite3.connect(project.database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    raw = bytearray(project.database.read_bytes())
    raw[4096 * 3 : 4096 * 12] = b"\xa5" * 4096 * 9
    project.database.write_bytes(raw)
    assert found(project, "store").state == "problem"


def test_a_store_of_a_newer_version(project):
    with sqlite3.connect(project.database) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert found(project, "store").state == "problem" and "newer version" in found(project, "store").said


def test_a_flipped_bit_in_the_model(project):
    state = project.model(project.current()) / "state.safetensors"
    raw = bytearray(state.read_bytes())
    raw[len(raw) // 2] ^= 1
    state.write_bytes(raw)
    assert found(project, "model").state == found(project, "golden").state == "problem"


def test_a_model_of_other_items(project):
    with sqlite3.connect(project.database) as connection:
        connection.execute("UPDATE items SET item_id = 'other' WHERE idx = 0")
    connection.close()
    assert found(project, "model").state == "ok"
    assert "other items than this store holds" in found(project, "golden").said


def test_no_model(project):
    shutil.rmtree(project.models)
    assert found(project, "model").do == "make one with `serendip run FILE`"


def test_a_model_from_the_future(project):
    old = project.current()
    new = "2" * 8 + old[8:]
    shutil.copytree(project.model(old), project.models / new)
    assert found(project, "clock").state == "problem"


def test_a_port_that_is_taken(project):
    port = int(project.settings.read_text().split()[-1])
    with socket.create_server(("127.0.0.1", port)):
        assert found(project, "port").state == "warning"


def test_keys(project):
    create(project, "web", ["read"])
    assert found(project, "keys").said == "1 valid: web"
    os.chmod(project.root / "keys.json", 0o644)
    assert found(project, "keys").do.startswith("chmod 600")
    os.chmod(project.root / "keys.json", 0o600)
    revoke(project, "web")
    assert "every key is revoked" in found(project, "keys").said
    (project.root / "keys.json").unlink()
    project.settings.write_text('[serving]\nhost = "0.0.0.0"\n')
    assert found(project, "keys").state == "problem"


def test_a_redis_that_is_not_there_and_one_that_is_none(project):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    project.settings.write_text(f'[cache]\nurl = "redis://127.0.0.1:{port}/0"\n')
    assert found(project, "redis").state == "warning" and "does not answer" in found(project, "redis").said


def test_a_redis_that_answers(project):
    if (program := shutil.which("redis-server")) is None:
        pytest.skip("redis-server is not installed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    project.settings.write_text(f'[cache]\nurl = "redis://127.0.0.1:{port}/0"\n')
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(project.root)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + 10
            while (answered := redis(project, settings_of(project))).state != "ok":
                assert time.monotonic() < end
                time.sleep(0.05)
            assert answered.said == f"127.0.0.1:{port} answers"
        finally:
            process.terminate()


def test_a_postgresql_that_is_not_there(project):
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    project.settings.write_text(f'[storage]\nurl = "postgresql://nobody@127.0.0.1:{port}/none"\n')
    assert found(project, "store").state == "problem"


def test_the_command_says_so_by_its_status(project, inside):
    done = inside("doctor", "--project", "project")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 12
    shutil.rmtree(project.models)
    done = inside("doctor", "--project", "project", "--json")
    assert done.returncode == 1
    assert done.stderr == "serendip: 2 of 12 checks found a problem: model, golden\n"
    assert {one["state"] for one in json.loads(done.stdout)} >= {"ok", "problem"}
