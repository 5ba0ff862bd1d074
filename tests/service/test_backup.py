"""A backup is one state of a project, checked before it replaces anything; from either database to either."""

import shutil
import sqlite3
import threading
import zipfile

import pytest

from serendip.errors import UserError
from serendip.service.backup import backup, restore
from serendip.service.open import opened
from serendip.service.record import record
from serendip.service.slate import slate
from serendip.store.project import Project


def items(root, user="u14"):
    live = opened(root)
    try:
        return [one.item_id for one in slate(live, user, 5).items]
    finally:
        live.store.close()


def test_a_project_comes_back_on_either_database(shop, postgres):
    project, file = Project(shop / "project"), shop / "shop.backup"
    before = items(project.root)
    done = backup(project, file)
    assert done.rows["events"] == 240 * 7 and done.model == project.current()
    assert [path.name for path in shop.iterdir() if path.name.startswith(".")] == []
    url = postgres()
    elsewhere = Project(shop / "postgres").make()
    elsewhere.settings.write_text(f'[storage]\nurl = "{url}"\n')
    assert restore(elsewhere, file) == done
    assert items(elsewhere.root) == before and not elsewhere.database.exists()
    with elsewhere.store() as there, project.store() as here:
        assert there.tables().events.equals(here.tables().events)
        assert there.dataset().item_features.equals(here.dataset().item_features)
        record(there, [{"user_id": "u14", "item_id": before[0]}])
    again = backup(elsewhere, shop / "again.backup")
    assert again.rows["events"] == done.rows["events"] + 1
    back = Project(shop / "back")
    back.make().settings.write_text("")
    restore(back, shop / "again.backup")
    assert items(back.root) == items(elsewhere.root) != before


def test_it_is_one_state_while_others_write(shop):
    project = Project(shop / "project")
    stop = threading.Event()

    def write():
        with project.store() as store:
            while not stop.is_set():
                record(store, [{"user_id": "new", "item_id": f"i{n % 60}"} for n in range(10)])

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for n in range(3):
            rows = backup(project, shop / f"{n}.backup").rows["events"]
            assert (rows - 240 * 7) % 10 == 0
    finally:
        stop.set()
        thread.join()
    restore(Project(shop / "other"), shop / "2.backup")
    with Project(shop / "other").store() as store:
        assert store.counts().events == rows


def test_a_damaged_one_replaces_nothing(shop):
    project, file = Project(shop / "project"), shop / "shop.backup"
    backup(project, file)
    with project.store() as store:
        record(store, [{"user_id": "u14", "item_id": "i1"}])
    before, whole = project.database.read_bytes(), file.read_bytes()
    for at in range(60, len(whole), len(whole) // 40):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        try:
            restore(project, file)
        except UserError as error:
            assert "damaged" in str(error) or "not as it was written" in str(error)
            assert project.database.read_bytes() == before
        else:  # a bit that says nothing, as a date in the zip's own list
            project.database.write_bytes(before)
    for broken in (whole[: len(whole) // 2], b"", b"PK"):
        file.write_bytes(broken)
        with pytest.raises(UserError, match="no backup"):
            restore(project, file)
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("contents.json", '{"made":"","serendip":"","rows":{},"model":null,"files":{"../x":""}}')
    with pytest.raises(UserError, match="outside"):
        restore(project, file)
    assert project.database.read_bytes() == before


def test_a_store_in_use_is_not_replaced_and_an_old_one_is_brought_up_to_date(shop):
    project, file = Project(shop / "project"), shop / "shop.backup"
    backup(project, file)
    held = sqlite3.connect(project.database)
    held.execute("SELECT count(*) FROM events").fetchone()
    with pytest.raises(UserError, match="in use"):
        restore(project, file)
    held.close()
    shutil.rmtree(project.models)
    project.database.write_bytes(b"not a database at all" * 100)
    restore(project, file)
    assert len(items(project.root)) == 5


def test_who_was_erased_is_no_user_of_a_backup_nor_of_a_store(shop, inside):
    assert inside("erase", "u14", "--project", "project").returncode == 0
    project, file = Project(shop / "project"), shop / "shop.backup"
    said = []
    done = backup(project, file, lambda what, done, of: said.append((what, done / of)))
    assert dict(said).keys() == {"packing, MB", "checking, MB"} and max(share for _, share in said) <= 1
    assert (done.erased, done.rows["users"]) == (1, 240)
    assert str(done).startswith("1,673 events of 239 users and 60 items, model ")
    assert restore(Project(shop / "other"), file) == done
    with project.store() as store:
        assert store.counts().users == 239
        store.delete_items(["i1"])
        assert store.counts().items == 59


def test_a_folder_is_no_file_to_write(tmp_path):
    with pytest.raises(UserError, match=r"is a folder: name a file in it, as .*shop\.backup"):
        backup(Project(tmp_path), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_commands(shop, inside, answer):
    assert "1,680 events of 240 users and 60 items" in inside("backup", "a.backup", "--project", "project").stdout
    refused = inside("restore", "a.backup", "--project", "project")
    assert refused.returncode == 1 and "--yes" in refused.stderr
    assert ": 1,680 events of" in inside("restore", "a.backup", "--yes", "--project", "project").stdout
    assert answer("restore", "a.backup", "--project", "fresh")["rows"]["users"] == 240
    assert "no file" in inside("restore", "b.backup", "--project", "fresh2").stderr
