"""Answers while the store or the model is out of reach: never none, never an item that is not to be shown."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serendip.models.als import ALS
from serendip.service import degrade
from serendip.service.answer import Event
from serendip.service.serving import Serving
from serendip.service.settings import learned, settings_of
from serendip.service.train import fitted
from serendip.store.project import Project


@pytest.fixture
def locked(serving):
    """The store taken by a process that lets nobody read, as a restore or another program may."""

    def lock():
        serving.live.store.close()
        serving.live.store._database._local.__dict__.clear()
        for name in ("serendip.db-wal", "serendip.db-shm"):
            Path("project", name).unlink(missing_ok=True)
        held = sqlite3.connect("project/serendip.db", isolation_level=None)
        held.execute("PRAGMA locking_mode = EXCLUSIVE")
        held.execute("BEGIN EXCLUSIVE")
        taken.append(held)

    taken = []
    yield lock
    for held in taken:
        held.close()


def ids(slate):
    return [one.item_id for one in slate.items]


def test_while_the_store_is_taken_the_model_answers_from_the_last_history(serving, locked):
    before = degrade.slate(serving, "u14", 5)
    assert before.degraded is None
    locked()
    after = degrade.slate(serving, "u14", 5, with_history=True)
    assert (ids(after), after.degraded, after.known) == (ids(before), "the store cannot be read", True)
    assert after.history and after.items[0].reason == before.items[0].reason
    assert not serving.reachable  # the next answers do not wait for it
    stranger = degrade.slate(serving, "u15", 5)
    assert stranger.degraded == "the store cannot be read" and len(stranger.items) == 5
    assert {one.source for one in stranger.items} == {"fallback"}


def test_a_brought_history_needs_no_store(serving, locked):
    before = degrade.slate_for(serving, [Event("i30", ""), Event("i31", "")], 4)
    locked()
    after = degrade.slate_for(serving, [Event("i30", ""), Event("i31", "")], 4)
    assert ids(after) == ids(before) and after.degraded is None


def faulty(model):
    """A model of fewer factors than its own Gram matrix: folding a history in is a fault."""
    return replace(model, gram=model.gram[:2, :2].copy(), fitted=model.fitted + np.uint64(1))


def test_where_the_model_fails_its_last_slate_stands_in_then_what_is_popular_then_the_static_list(shop):
    Path("project/serendip.toml").write_text("[serving]\nstatic = ['i9', 'i8']\n")
    serving = Serving(Project(Path("project")))
    data = learned(serving.live.store, settings_of(serving.project))
    assert serving.take_up(fitted(serving.project, ALS(rank=8, epochs=3), data))
    before = degrade.slate(serving, "u14", 5)
    live = serving.live
    fault = faulty(live.pipeline.model)
    pipeline = replace(live.pipeline, model=fault)
    serving.live = replace(live, pipeline=pipeline)
    serving.cache.clear()
    again = degrade.slate(serving, "u14", 5)
    assert (ids(again), again.degraded) == (ids(before), "the model failed")
    more = degrade.slate(serving, "u14", 20)
    assert ids(more)[:5] == ids(before) and len(set(ids(more))) == 20
    assert {one.source for one in more.items[5:]} == {"fallback"}
    hidden = live.catalogue.find(ids(before)[0])
    serving.live = replace(live, pipeline=replace(pipeline, banned=np.array([hidden], np.int32)))
    assert ids(before)[0] not in ids(degrade.slate(serving, "u14", 60))
    nothing = replace(pipeline, fallback=replace(live.pipeline.fallback, scores=None))
    serving.live = replace(live, pipeline=nothing)
    assert [(one.item_id, one.source) for one in degrade.slate(serving, "nobody", 5).items] == [
        ("i9", "static"), ("i8", "static")]  # fmt: skip
    serving.close()
