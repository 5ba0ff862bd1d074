"""Pipelines brought up to date: by what is written, and by the clock."""

from pathlib import Path

import pytest

from serendip.service.open import opened
from serendip.service.rules import put


@pytest.fixture
def live(shop):
    made = opened(Path("project"))
    yield made
    made.store.close()


def test_whoever_first_meets_the_end_of_a_rule_everybody_hears_of_it(live):
    put(live.store, "p", {"kind": "pin", "item": "i59", "position": 1, "ends": 2000}, "ann")
    surfaces = live.surfaces
    surfaces.stale(rules=True)
    assert surfaces.rules("default", 1000).pins and not surfaces.turned(1999)
    assert not surfaces.rules("default", 2000).pins  # another thread, which does not ask whether anything turned
    assert surfaces.turned(2000) and not surfaces.turned(2001)


def test_the_rules_last_at_work_need_no_store(live):
    put(live.store, "x", {"kind": "exclude", "when": "price < 10"}, "ann")
    live.surfaces.stale(rules=True)
    shut = live.surfaces.rules("default", 1000).shut
    live.surfaces.stale(rules=True)
    live.store.close()
    assert (live.surfaces.last("default").shut == shut).all()
