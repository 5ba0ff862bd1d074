import os
import signal
import sqlite3
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest

from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.store.bulk import Bulk
from serendip.store.files import File
from serendip.store.store import Store


def part(b, n=500):
    rng = np.random.default_rng(b)
    return Tables(
        pl.DataFrame(
            {
                "event_id": [f"{b}-{i}" for i in range(n)],
                "user_id": [f"u{i}" for i in rng.integers(0, 50 + b, n)],
                "item_id": [f"i{i}" for i in rng.integers(0, 50 + b, n)],
                "type": ["view"] * n,
                "value": rng.random(n),
                "timestamp": rng.integers(0, 9, n),
            }
        ),
        pl.DataFrame({"item_id": [f"i{b}"], "title": [f"title {b}"]}),
    )


def look_ups(path):
    connection = sqlite3.connect(path)
    try:
        return {n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'events%'")}
    finally:
        connection.close()


INDEXES = {"events", "events_id", "events_user", "events_item"}


@pytest.mark.parametrize("batch", [700, 2500])
def test_a_bulk_load_is_the_same_as_adding(place, batch):
    with Store.open(place()) as one, Store.open(place()) as two:
        for b in range(6):
            one.add(part(b))
        with Bulk(two._database, batch=batch) as load:
            for b in range(6):
                load.add(part(b))
        assert load.total.new == 3000
        assert one.tables().events.equals(two.tables().events)
        assert one.dataset().item_features.equals(two.dataset().item_features)
        with Bulk(two._database, batch=batch) as load:
            for b in range(6):
                load.add(part(b))
        assert (load.total.new, load.total.repeated, load.total.conflicts) == (0, 3000, 0)
        if ":" not in two.where:
            assert look_ups(two.where) == INDEXES


def test_texts_that_look_like_something_else_come_out_as_they_went_in(store):
    odd = ['say "so"', "a,b", "line\nbreak", "\\x41", "\\N", "", "NULL", "é漢", "%s", "'"]
    n = 2000  # enough to go by COPY
    texts = [odd[i % len(odd)] for i in range(n)]
    frame = pl.DataFrame({"user_id": ["u"] * n, "item_id": ["i"] * n, "context": texts, "value": [1e-300] * n})
    store.add(Tables(frame))
    events = store.tables().events
    assert events["context"].to_list() == texts and set(events["value"]) == {1e-300}
    assert events["impression_id"].null_count() == n


def test_progress_of_a_file_and_its_bad_rows_are_written_with_its_events(tmp_path):
    bad = pl.DataFrame({"file": ["f.csv"], "line": [7], "reason": ["no item"], "row": ["a,,"]})
    with Store.open(tmp_path / "serendip.db") as store:
        for _ in range(2):
            with store.bulk() as load:
                load.add(part(0), File("ab12", "f.csv", 501, 500, 1, True), bad)
        assert store.file("ab12") == File("ab12", "f.csv", 501, 500, 1, True)
        assert store.file("other") is None
        assert store.quarantined().equals(bad)
        assert store.counts().events == 500 and store.counts().quarantined == 1


def test_an_error_in_the_block_writes_no_half_batch(tmp_path):
    with Store.open(tmp_path / "serendip.db") as store:
        with pytest.raises(ZeroDivisionError), Bulk(store._database, batch=500) as load:
            for b in range(3):
                load.add(part(b))
            load.add(part(3, n=10))
            raise ZeroDivisionError
        assert store.counts().events == 1500
        assert look_ups(store.where) == INDEXES


def test_ctrl_c_leaves_whole_batches_and_the_next_opening_makes_the_indexes(tmp_path):
    path = tmp_path / "serendip.db"
    with Store.open(path) as store:
        with pytest.raises(KeyboardInterrupt), Bulk(store._database, batch=500) as load:
            for b in range(3):
                load.add(part(b))
            raise KeyboardInterrupt
        assert store.counts().events == 1500
    assert look_ups(path) == {"events", "events_id"}
    with Store.open(path) as store:
        assert look_ups(path) == INDEXES
        assert store.add(part(1)).repeated == 500


LOADING = """
import sys
sys.path.insert(0, {here!r})
from test_bulk import part
from serendip.store.bulk import Bulk
from serendip.store.store import Store
with Store.open({path!r}) as store, Bulk(store._database, batch=1000) as load:
    print("open", flush=True)
    for b in range(40):
        load.add(part(b))
print("done", flush=True)
"""


def test_killed_at_any_moment_the_same_load_completes_it(tmp_path):
    path = tmp_path / "serendip.db"
    program = LOADING.format(here=os.path.dirname(__file__), path=str(path))
    cut = 0
    for wait in (0.005, 0.03, 0.1, 0.2):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "open\n"
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        cut += process.wait() == -signal.SIGKILL
        process.stdout.close()
        with Store.open(path) as store:
            assert store.counts().events % 1000 == 0
            assert store.users().series.n_unique() == len(store.users())
            assert store.dataset().user.max(initial=-1) < len(store.users())
            assert look_ups(path) == INDEXES
    assert cut, "no load was cut off: make it longer"
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    with Store.open(path) as store, Store.open(tmp_path / "whole.db") as whole:
        for b in range(40):
            whole.add(part(b))
        assert store.tables().events.equals(whole.tables().events)
        assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def fill(store, batches):
    with Bulk(store._database, batch=500) as load:
        for b in batches:
            load.add(part(b))


def test_a_full_disk_is_one_sentence_and_loading_goes_on_when_there_is_room(tmp_path):
    with Store.open(tmp_path / "serendip.db") as store:
        fill(store, range(2))
        pages = store._database._writer.execute("PRAGMA page_count").fetchone()[0]
        store._database._writer.execute(f"PRAGMA max_page_count = {pages + 30}")
        with pytest.raises(UserError, match="disk is full"):
            fill(store, range(2, 20))
        assert store.counts().events % 500 == 0
        assert len(store.users()) == store.tables().users.height
        store._database._writer.execute("PRAGMA max_page_count = 1000000")
        fill(store, range(20))
        assert store.counts().events == 10_000
        assert look_ups(store.where) == INDEXES


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small file system can be mounted by root only")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_that_is_really_full(small_disk):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1_500_000))
    with Store.open(small_disk / "serendip.db") as store:
        with pytest.raises(UserError, match="full"):
            fill(store, range(30))
        stored = store.counts().events
        assert stored % 500 == 0
        with Store.open(store.where) as again:  # a store without room for its look-up indexes can still be read
            assert len(again.dataset()) == stored
        ballast.unlink()
        fill(store, range(8))
        assert store.counts().events == max(stored, 4000)
        assert store._database._writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)
