"""A project at work in Python: titles, fresh events, what is left out, and records."""

import time
from pathlib import Path

import pytest

from serendip.cli import status
from serendip.errors import NotFound
from serendip.service.answer import Event
from serendip.service.explain import explain
from serendip.service.open import opened
from serendip.service.record import record
from serendip.service.similar import similar
from serendip.service.slate import slate, slate_for


@pytest.fixture
def live(shop):
    made = opened(Path("project"))
    yield made
    made.store.close()


@pytest.mark.parametrize(
    ("value", "title"),
    [
        ('["One", "Two"]', "One|Two"),
        ("451", "451"),
        ("null", "Thing 25 of taste 2"),
        ('"  "', "Thing 25 of taste 2"),
    ],
)
def test_a_title_may_be_anything(shop, value, title):
    rows = "".join(f'{{"item_id": "i{n}", "title": {value}}}\n' for n in range(20, 30))
    Path("more.jsonl").write_text(rows)
    assert status(["ingest", "more.jsonl", "--table", "items", "--project", "project"]) == 0
    live = opened(Path("project"))
    assert live.catalogue.title(live.catalogue.find("i25")) == title
    live.store.close()


def test_an_item_without_a_title_shows_its_id(live):
    record(live.store, [{"user_id": "u1", "item_id": "untitled"}])
    assert slate(live, "u1", 3, with_history=True).history[0].title == "untitled"


def test_what_is_hidden_is_not_recommended(live):
    first = slate(live, "u14", 1).items[0].item_id
    live.store.hide(first)
    again = opened(Path("project"))
    assert first not in {item.item_id for item in slate(again, "u14", 60).items}
    again.store.close()


def test_the_static_list_is_never_what_is_left_out_nor_twice(shop):
    with open("more.csv", "w") as out:
        out.write("item_id,title\nx1,Static one\nx2,Static two\n")
    assert status(["ingest", "more.csv", "--table", "items", "--project", "project"]) == 0
    Path("project/serendip.toml").write_text(
        "[serving]\nstatic = ['x1', 'x2', 'x1', 'nothing']\n[data]\nexclude_items = ['x2']\n"
    )
    live = opened(Path("project"))
    made = slate(live, "u14", 100).items
    assert [item.item_id for item in made if item.source == "static"] == ["x1"]
    assert len({item.item_id for item in made}) == len(made)
    live.store.close()


def test_events_are_recorded_once_and_weigh_at_once(live):
    now = int(time.time() * 1000)
    events = [{"user_id": 1.0, "item_id": "i3", "type": "add_to_cart", "event_id": "a", "context": {"page": 1}}]
    assert [became.status for became in record(live.store, events)] == ["recorded"]
    assert [became.status for became in record(live.store, events)] == ["repeated"]
    (event,) = slate(live, "1", 3, with_history=True).history
    assert (event.item_id, event.type) == ("i3", "cart")
    assert now <= event.timestamp <= now + 60_000


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"item_id": "i1"}, "needs a user_id"),
        ({"user_id": " ", "item_id": "i1"}, "needs a user_id"),
        ({"user_id": "u1"}, "needs a item_id"),
        ({"user_id": "u1", "item_id": "i1", "timestamp": 1_700_000_000}, "not in milliseconds"),
        ({"user_id": "u1", "item_id": "i1", "timestamp": 9_999_999_999_999}, "in the future"),
        ({"user_id": "u1", "item_id": "i1", "type": "undo"}, "of type undo"),
        ({"user_id": "u1", "item_id": "i1", "undoes": "e1"}, "of type undo"),
    ],
)
def test_an_event_that_cannot_be_is_told_and_stops_no_other(live, event, said):
    before = live.store.counts().events
    good, bad = record(live.store, [{"user_id": "u1", "item_id": "i1"}, event])
    assert (good.status, bad.status) == ("recorded", "invalid") and said in bad.reason
    assert live.store.counts().events == before + 1


def test_a_user_is_found_by_any_spelling_of_the_id(live):
    record(live.store, [{"user_id": "9000", "item_id": "i1"}])
    assert live.store.find_user(9000.0) == live.store.users().get("9000") == 240
    assert live.store.find_user("none") == -1


def test_what_is_not_there_is_not_found(live):
    for ask in (lambda: similar(live, "none", 3), lambda: explain(live, "u1", "none"),
                lambda: explain(live, "nobody", "i1")):  # fmt: skip
        with pytest.raises(NotFound):
            ask()


def test_a_reason_names_what_was_brought(live):
    made = slate_for(live, [Event("i30", "", "view"), Event("i31", "", "purchase", timestamp=5)], 4)
    assert all(item.reason.startswith("because you ") for item in made.items)
    assert any("bought Thing 31" in item.reason or "viewed Thing 30" in item.reason for item in made.items)
