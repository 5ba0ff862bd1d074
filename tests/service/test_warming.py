"""Slates of the most active users are there before they ask: at the start, and for another model."""

import time
from pathlib import Path

from serendip.models.als import ALS
from serendip.service.degrade import slate
from serendip.service.serving import Serving
from serendip.service.settings import learned, settings_of
from serendip.service.train import fitted
from serendip.service.warming import Warming
from serendip.store.project import Project


def waited(warming, made):
    end = time.monotonic() + 30
    while warming.made < made:
        assert warming.is_alive() and time.monotonic() < end
        time.sleep(0.01)


def test_the_most_active_find_their_slates_ready_with_the_first_model_and_the_next(serving):
    store = serving.live.store
    active = list(store.active(serving.caching.users))
    warming = Warming(serving, 5, every=0.01)
    warming.start()
    waited(warming, len(active))
    assert set(slate(serving, active[0], 5).timings_ms) == {"cache"}
    second = fitted(serving.project, ALS(rank=8, epochs=3), learned(store, settings_of(serving.project)))
    assert serving.take_up(second)
    waited(warming, 2 * len(active))
    again = slate(serving, active[-1], 5)
    assert set(again.timings_ms) == {"cache"} and again.model == second
    warming.stop()
    assert not warming.is_alive()


def test_nobody_is_made_ready_where_none_is_asked_for(shop):
    Path("project/serendip.toml").write_text("[cache]\nusers = 0\n")
    serving = Serving(Project(Path("project")))
    warming = Warming(serving, 5)
    warming.look()
    assert warming.made == 0
    serving.close()
