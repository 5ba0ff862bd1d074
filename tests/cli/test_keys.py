"""`serendip keys`: what it prints, and what it never prints."""

import json
import re

from serendip.service.keys import Keys
from serendip.store.project import Project


def test_the_life_of_a_key(inside, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "There is no key" in inside("keys").stdout
    made = inside("keys", "create", "web-shop", "--scope", "read,events", "--rate", "50")
    key = made.stdout.splitlines()[0]
    assert re.fullmatch(r"srd_[0-9a-f]{8}_[0-9a-f]{64}", key) and "It opens read and events" in made.stdout
    shown = inside("keys").stdout
    assert re.search(r"web-shop +srd_[0-9a-f]{8}_\.\.\. +read, events +50 +\d{4}-.* +for ever", shown)
    assert key not in shown and key.split("_")[2] not in shown
    new = inside("keys", "rotate", "web-shop", "--grace", "1").stdout.splitlines()[0]
    reader = Keys(Project(tmp_path))
    assert reader.find(new) and reader.find(key)
    assert "is revoked" in inside("keys", "revoke", "web-shop").stdout
    assert json.loads(inside("keys", "--json").stdout) == []


def test_json(answer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = answer("keys", "create", "till", "--scope", "events")
    assert Keys(Project(tmp_path)).find(made["key"])
    (listed,) = answer("keys")
    assert listed == {name: value for name, value in made.items() if name != "key"}


def test_wrong_use_is_said_in_one_line(inside, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words, said in (
        (["delete", "x"], "keys can be listed, created, rotated or revoked, not 'delete'"),
        (["create"], "keys create takes the name of a key"),
        (["create", "x"], "say what the key may do"),
        (["revoke", "x"], "there is no key 'x'"),
    ):
        done = inside("keys", *words)
        assert done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1
