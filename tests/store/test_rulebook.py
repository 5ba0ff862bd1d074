"""The book of rules and what was shown: only added to, the same for every process."""

import sqlite3

from serendip.store.impressions import Impression
from serendip.store.store import Store


def test_a_book_is_only_added_to_and_tells_who_said_what(store):
    book = store.rulebook
    assert (book.version(), book.holding(), book.history()) == (0, {}, [])
    first = book.write("a", {"kind": "exclude", "when": "größe > 3"}, "ann")
    book.write("b", {"kind": "exclude", "when": "true"}, "bob")
    book.write("a", {"kind": "exclude", "when": "price > 3"}, "bob")
    gone = book.write("b", None, "ann")
    assert [entry.version for entry in book.history()] == [1, 2, 3, 4]
    assert book.history()[0] == first and first.rule == {"kind": "exclude", "when": "größe > 3"}
    assert {name: entry.who for name, entry in book.holding().items()} == {"a": "bob"}
    assert [*book.holding(2)] == ["a", "b"] and book.holding(1)["a"] == first
    assert gone.rule is None and book.version() == 4


def test_another_process_hears_of_a_rule(place):
    where = place()
    with Store.open(where) as store, Store.open(where) as other:
        mark = other.mark()
        store.rulebook.write("a", {"kind": "exclude", "when": "true"}, "ann")
        changed = other.changed(mark)
        assert changed.rules and not changed.items and not changed.users
        assert not other.changed(changed.mark).rules


def test_what_was_shown_is_found_by_its_request_and_joins_events(store):
    one = Impression("r1", 5, 3, "home", "m", (4, 2), (1.0, 0.25))
    store.add_impressions([one, Impression("r2", 6, -1, "home", "m", (), None)])
    store.add_impressions([one._replace(item=(9,))])  # the same request again changes nothing
    assert store.impression("r1") == one
    assert store.impression("r2").propensity is None and store.impression("r3") is None


def test_impressions_of_a_user_are_found_by_their_index(tmp_path):
    Store.open(tmp_path / "s.db").close()
    with sqlite3.connect(tmp_path / "s.db") as plain:
        plan = plain.execute("EXPLAIN QUERY PLAN DELETE FROM impressions WHERE user = 3").fetchall()
    plain.close()
    assert "impressions_user" in str(plan)
