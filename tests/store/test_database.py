import sqlite3

import pytest

from serendip.errors import UserError
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
