"""Keys: made, found, rotated and revoked; what is kept of them; a file that cannot be trusted."""

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from serendip.errors import NotFound, UserError
from serendip.service import keys
from serendip.service.keys import Keys, create, keys_file, listed, revoke, rotate
from serendip.store.project import Project


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(keys, "EVERY", 0.0)


def test_a_key_is_found_and_only_its_hash_is_kept(project):
    made = create(project, "shop", ["read", "events", "read"], rate=5)
    kept = keys_file(project).read_text()
    assert made.text not in kept and made.text.split("_")[2] not in kept
    assert stat.S_IMODE(os.stat(keys_file(project)).st_mode) == 0o600
    found = Keys(project).find(made.text)
    assert found == made.key and found.scopes == ("read", "events") and found.rate == 5
    assert found.may("events") and not found.may("admin")
    for wrong in ("", "srd_", made.text[:-1], made.text + "0", made.text[:-1] + ("0" if made.text[-1] != "0" else "1"),
                  f"srd_00000000_{made.text[13:]}", made.text.upper(), f" {made.text}"):  # fmt: skip
        assert Keys(project).find(wrong) is None


def test_admin_opens_everything(project):
    key = create(project, "root", ["admin"]).key
    assert all(key.may(scope) for scope in keys.SCOPES)


def test_a_running_reader_follows_what_changes(project, at_once):
    reader = Keys(project)
    assert not reader.closed
    first = create(project, "shop", ["read"])
    reader.fresh()
    assert reader.closed and reader.find(first.text) == first.key
    second = rotate(project, "shop", grace=0.3)
    assert reader.find(second.text) and reader.find(first.text)
    assert [key.name for key in listed(project)] == ["shop", "shop"]
    time.sleep(0.31)
    assert reader.find(second.text) and not reader.find(first.text)
    assert len(listed(project)) == 1
    revoke(project, "shop")
    assert not reader.find(second.text)
    assert reader.closed  # the last one gone does not open the door


def test_no_grace_ends_the_old_key_at_once(project):
    first = create(project, "shop", ["read"])
    rotate(project, "shop", grace=0)
    assert not Keys(project).find(first.text)


def test_another_rotation_does_not_lengthen_the_first_ones_grace(project):
    first = create(project, "shop", ["read"])
    rotate(project, "shop", grace=0.2)
    rotate(project, "shop", grace=60)
    assert Keys(project).find(first.text)
    time.sleep(0.21)
    assert not Keys(project).find(first.text)
    assert len(listed(project)) == 2


def test_a_file_that_is_damaged_or_goes_closes_the_door(project, at_once):
    made = create(project, "shop", ["admin"])
    reader, whole = Keys(project), keys_file(project).read_bytes()
    keys_file(project).write_bytes(whole[:40])
    assert reader.find(made.text) is None and reader.closed
    assert Keys(project).closed
    with pytest.raises(UserError, match="damaged"):
        listed(project)
    keys_file(project).write_bytes(whole)
    assert reader.find(made.text)
    keys_file(project).unlink()
    assert reader.find(made.text) is None and reader.closed


@pytest.mark.parametrize(
    ("name", "scopes", "said"),
    [
        ("", ["read"], "a key's name"),
        ("two words", ["read"], "a key's name"),
        ("x" * 65, ["read"], "a key's name"),
        ("shop", ["write"], "is one of events, read, admin, not 'write'"),
        ("shop", [], "say what the key may do"),
        ("taken", ["read"], "there is a key 'taken' already"),
    ],
)
def test_what_cannot_be_made_is_said(project, name, scopes, said):
    create(project, "taken", ["read"])
    with pytest.raises(UserError, match=said):
        create(project, name, scopes)
    assert len(listed(project)) == 1


def test_a_name_that_is_not_there_is_told_with_the_nearest(project):
    create(project, "web-shop", ["read"])
    for call in (lambda: revoke(project, "webshop"), lambda: rotate(project, "webshop", 0)):
        with pytest.raises(NotFound, match="did you mean 'web-shop'"):
            call()


def test_many_at_once_lose_no_key(project):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: create(project, f"k{n}", ["read"]), range(24)))
    reader = Keys(project)
    assert all(reader.find(one.text) for one in made)


def test_no_project_is_said(tmp_path):
    with pytest.raises(UserError, match="there is no project"):
        create(Project(tmp_path / "none"), "shop", ["read"])
