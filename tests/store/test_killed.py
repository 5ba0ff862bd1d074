"""kill -9 while events are recorded: what was acknowledged is there, once, and no transaction is torn."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from serendip.errors import UserError
from serendip.store import database, postgres
from serendip.store.schema import STEPS
from serendip.store.store import Store

KILLS = 200


def test_every_acknowledged_event_is_there_once(place):
    where = place()
    kills = KILLS if "://" not in where else KILLS // 10
    program = Path(__file__).with_name("killed.py")
    done = subprocess.run(
        [sys.executable, program, where, str(kills)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(f"{kills} kills, ")
    if "://" not in where:
        connection = sqlite3.connect(where)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()


class Stopped(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("at", range(1, len(STEPS)))
def test_a_migration_that_is_killed_is_done_again_wholly(place, at, monkeypatch):
    where = place()

    def gone(connection):
        raise Stopped

    def steps(of):
        for module in (database, postgres):
            monkeypatch.setattr(module, "STEPS", of)

    steps(STEPS[:at])
    Store.open(where).close()
    steps((*STEPS[:at], (*STEPS[at], gone), *STEPS[at + 1 :]))  # everything of the step is done, and then it is cut off
    with pytest.raises(Stopped):
        Store.open(where)
    steps(STEPS)
    with Store.open(where) as store:
        assert store.counts().events == 0
        store.opt_out("u")
        assert store.search_items("x") == []


def test_a_store_of_the_first_schema_is_brought_up_to_date(place, monkeypatch):
    where = place()
    for module in (database, postgres):
        monkeypatch.setattr(module, "STEPS", STEPS[:1])
    with Store.open(where) as old, old.database.write() as connection:
        connection.execute(
            "INSERT INTO items(idx, item_id, attributes, added_at) VALUES (0, 'a', '{\"t\":\"Red\"}', 0)"
        )
    for module in (database, postgres):
        monkeypatch.setattr(module, "STEPS", STEPS)
    with Store.open(where) as store:
        assert [found.id for found in store.search_items("re")] == ["a"]


def test_two_who_open_a_new_store_at_once_both_have_it(place):
    where = place()
    program = "import sys; from serendip.store.store import Store; Store.open(sys.argv[1]).opt_out('u')"
    both = [subprocess.Popen([sys.executable, "-c", program, where]) for _ in range(3)]
    assert [one.wait(60) for one in both] == [0, 0, 0]


def test_a_newer_schema_is_refused_by_postgres_too(request):
    url = request.getfixturevalue("postgres")()
    Store.open(url).close()
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE serendip.meta SET value = '99' WHERE key = 'schema'")
    with pytest.raises(UserError, match="newer version of Serendip"):
        Store.open(url)
