import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from serendip.errors import Unavailable, UserError
from serendip.store.recording import Fact
from serendip.store.schema import STEPS
from serendip.store.store import Store


def test_a_newer_schema_is_refused(tmp_path):
    path = tmp_path / "serendip.db"
    Store.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    connection.close()
    with pytest.raises(UserError, match="newer version of Serendip"):
        Store.open(path)


def test_another_programs_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs(x)")
    connection.close()
    with pytest.raises(UserError, match="not a Serendip store"):
        Store.open(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    connection.close()


def test_garbage_is_refused(tmp_path):
    path = tmp_path / "garbage.db"
    path.write_bytes(bytes(range(256)) * 64)
    with pytest.raises(UserError, match="not a Serendip store"):
        Store.open(path)


def test_a_missing_store_is_not_made_unasked(tmp_path):
    with pytest.raises(UserError, match="no store at"):
        Store.open(tmp_path / "serendip.db", create=False)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="cannot be opened"):
        Store.open(tmp_path / "nowhere" / "serendip.db")


def test_events_are_written_with_full_synchronisation(tmp_path):
    with Store.open(tmp_path / "serendip.db") as store, store._database.write() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_readers_cannot_write(tmp_path):
    with Store.open(tmp_path / "serendip.db") as store, pytest.raises(UserError), store._database.read() as connection:
        connection.execute("DELETE FROM events")


def test_connections_that_the_server_cut_are_made_again(postgres):
    url = postgres()
    with Store.open(url) as store:
        store.opt_out("a")
        with psycopg.connect(url, autocommit=True) as other:
            ours = "datname = current_database() AND pid <> pg_backend_pid()"
            other.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")
        assert store.find_user("a") == -1
        store.opt_out("a", False)
        assert store.find_user("a") == 0


def test_a_server_that_is_not_there_is_one_sentence():
    with pytest.raises(Unavailable, match="//127.0.0.1:1/shop cannot be used".replace(".", "[.]")):
        Store.open("postgresql://somebody:secret@127.0.0.1:1/shop")


def test_a_database_without_a_store_is_left_alone_unless_one_is_to_be_made(postgres):
    url = postgres()
    with pytest.raises(UserError, match="no store in"):
        Store.open(url, create=False)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'serendip'").fetchone() is None


def test_what_postgres_cannot_hold_is_one_sentence(postgres):
    with Store.open(postgres()) as store, pytest.raises(UserError, match="cannot hold this"):
        store.opt_out("a\0b")


def test_a_log_is_folded_into_the_file_while_another_thread_writes(tmp_path):
    path, copy = tmp_path / "serendip.db", tmp_path / "copy.db"
    facts = [Fact(f"u{n}", "i1", "view", None, 1_700_000_000_000, True) for n in range(50)]

    def in_the_file_itself():
        shutil.copy(path, copy)
        with closing(sqlite3.connect(copy)) as connection:
            return connection.execute("SELECT count(*) FROM events").fetchone()[0]

    with Store.open(path) as store:
        store.fold()
        store.record(facts)
        assert in_the_file_itself() == 0
        with store.database.write() as connection, ThreadPoolExecutor(1) as other:
            connection.execute("INSERT INTO meta VALUES ('odd', '1')")
            other.submit(store.fold).result(10)
        assert in_the_file_itself() == 50
