"""Events as they happen: each once, in whatever order they and their repetitions come; taken back; of nobody apart."""

import random

import numpy as np
import polars as pl
import pytest

from serendip.data.slates import Slates
from serendip.data.tables import Tables
from serendip.errors import NotFound
from serendip.store.describe import Entry
from serendip.store.events import pack, packed
from serendip.store.recording import Fact
from serendip.store.store import Store

DAY0 = 1_700_000_000_000


def fact(user="anna", item="i1", type="view", at=0, **more):
    return Fact(user, item, type, more.pop("value", None), DAY0 + at, more.pop("stamped", True), **more)


def statuses(store, *facts):
    return [outcome.status for outcome in store.record(facts)]


def past(store, user):
    history, items = store.history(user), store.items()
    return [(items[i], history.types[t]) for i, t in zip(history.item.tolist(), history.type.tolist(), strict=True)]


def test_each_has_its_own_outcome(store):
    one = fact(event_id="a")
    assert statuses(store, one, one, fact(item="i2", event_id="a"), fact()) == [
        "recorded", "repeated", "conflict", "recorded",
    ]  # fmt: skip
    assert statuses(store, one, fact(event_id="a", value=2.0)) == ["repeated", "conflict"]
    assert past(store, "anna") == [("i1", "view")] * 2


def test_a_time_that_was_not_said_makes_no_conflict(store):
    assert statuses(store, fact(event_id="a", stamped=False)) == ["recorded"]
    assert statuses(store, fact(event_id="a", at=9, stamped=False)) == ["repeated"]
    assert statuses(store, fact(event_id="a", at=9)) == ["conflict"]


def test_a_type_too_many_is_refused_alone(store):
    said = store.record([fact(type=f"t{n}") for n in range(130)])
    assert [o.status for o in said].count("recorded") == 126
    assert "types of events already" in said[-1].reason
    assert statuses(store, fact(type="t5")) == ["recorded"]


def test_an_event_is_taken_back_by_its_id(store):
    statuses(store, fact(type="like", event_id="a"), fact(item="i2", event_id="b"))
    assert statuses(store, fact(type="undo", event_id="u", undoes="a")) == ["recorded"]
    assert past(store, "anna") == [("i2", "view")]
    assert len(store.dataset()) == 1
    again = fact(type="like", event_id="a"), fact(type="undo", event_id="u", undoes="a"), fact(item="i9", event_id="a")
    assert statuses(store, *again) == ["repeated", "repeated", "conflict"]
    assert past(store, "anna") == [("i2", "view")]


def test_events_are_taken_back_by_user_item_and_type(store):
    statuses(store, fact(type="hide"), fact(type="hide", at=5), fact(type="view"), fact("ben", type="hide"))
    undo = fact(type="undo", undoes_type="hide")
    assert store.record([undo])[0].reason is None
    assert past(store, "anna") == [("i1", "view")] and past(store, "ben") == [("i1", "hide")]
    assert "nothing to take back" in store.record([undo])[0].reason


def test_nobody_takes_back_what_another_did(store):
    statuses(store, fact(event_id="a"))
    assert statuses(store, fact("ben", type="undo", undoes="a")) == ["conflict"]
    assert past(store, "anna") == [("i1", "view")]


def test_an_undo_may_come_first_also_before_a_file(store):
    assert statuses(store, fact(type="undo", undoes="a", event_id="u")) == ["recorded"]
    assert "taken back" in store.record([fact(event_id="a")])[0].reason
    assert statuses(store, fact(event_id="a"), fact(item="i5", event_id="a")) == ["repeated", "conflict"]
    statuses(store, fact(type="undo", undoes="from a file"))
    row = {"event_id": ["from a file"], "user_id": ["anna"], "item_id": ["i3"], "type": ["view"], "value": [None],
           "timestamp": [DAY0]}  # fmt: skip
    added = store.add(Tables(pl.DataFrame(row)))
    assert (added.new, added.repeated) == (0, 1)
    assert past(store, "anna") == []


def test_any_order_with_any_repetition_comes_to_the_same(place):
    facts = [fact(f"u{n % 3}", f"i{n % 4}", "like", n, event_id=f"e{n}") for n in range(12)]
    facts += [fact(f"u{n % 3}", f"i{n % 4}", "undo", 50 + n, event_id=f"x{n}", undoes=f"e{n}") for n in (1, 4, 11)]
    states = []
    for seed in range(3):
        chance = random.Random(seed)
        sent = facts + chance.choices(facts, k=15)
        chance.shuffle(sent)
        with Store.open(place()) as store:
            while sent:
                part, sent = sent[:7], sent[7:]
                assert {o.status for o in store.record(part)} <= {"recorded", "repeated"}
            states.append(sorted((u, *e) for u in ("u0", "u1", "u2") for e in past(store, u)))
    assert states[0] == states[1] == states[2]
    assert len(states[0]) == 9


def test_no_number_is_given_twice_after_the_last_event_was_taken_back(store):
    statuses(store, fact(event_id="a"))
    mark, seq = store.mark(), store.arrived()
    statuses(store, fact(type="undo", undoes="a"))
    assert "anna" in store.changed(mark).users
    statuses(store, fact(event_id="b"))
    assert store.events_since(seq - 1)["event_id"].len() == 1


def test_of_who_opted_out_nothing_is_recorded_learned_or_used(store):
    statuses(store, fact(event_id="a"), fact("ben"))
    store.describe("users", [Entry("anna", {"city": "Ghent"}), Entry("ben", {"city": "Bruges"})])
    both = Slates(np.zeros((2, 1), np.int32), np.ones((2, 1), np.float32))
    store.put_recommendations("m", [(np.arange(2, dtype=np.int32), both, None)])
    store.opt_out("anna")
    store.opt_out("a stranger")
    assert statuses(store, fact(), fact("a stranger"), fact("ben", "i2")) == ["opted_out", "opted_out", "recorded"]
    assert store.find_user("anna") == -1 and past(store, "anna") == []
    assert store.dataset().user.tolist() == [1, 1] and store.apart().tolist() == [0, 2]
    assert store.dataset().user_features["city"].to_list() == [None, "Bruges", None]
    assert store.recommendations("anna") == [] and len(store.recommendations("ben")) == 1
    store.opt_out("anna", False)
    assert past(store, "anna") == [("i1", "view")] and not store.opted_out("anna")


def test_an_erased_user_leaves_an_index_that_nobody_gets(store):
    bad = pl.DataFrame({"file": ["f"] * 2, "line": [1, 2], "reason": ["no item"] * 2, "row": ["anna,,5", "joanna,,5"]})
    with store.bulk() as load:
        load.add(Tables(pl.DataFrame({"user_id": ["anna", "ben"], "item_id": ["i1", "i2"], "type": ["view"] * 2}),
                        users=pl.DataFrame({"user_id": ["anna"], "city": ["Basel"]})), quarantine=bad)  # fmt: skip
    store.users()
    assert store.erase("anna") == 1
    assert store.find_user("anna") == -1 and store.find_user("ben") == 1
    assert store.erased().tolist() == [0]
    assert store.search_users("bas") == [] and store.search_users("ann") == [] and store.search_users(" ") == []
    assert store.quarantined()["row"].to_list() == ["joanna,,5"]
    assert store.dataset().user.tolist() == [1]
    assert "anna" not in store.users().series.to_list()
    assert statuses(store, fact("anna", "i2")) == ["recorded"]
    assert store.find_user("anna") == 2 and past(store, "anna") == [("i2", "view")]
    with pytest.raises(NotFound, match="there is no user"):
        store.erase("nobody")


def test_no_byte_of_an_erased_user_stays_in_the_files(tmp_path):
    path = tmp_path / "serendip.db"
    with Store.open(path) as store:
        who = "somebody-quite-unique"
        events = pl.DataFrame(
            {"user_id": [who] * 500, "item_id": ["i1"] * 500, "context": ['{"x":"trace-of-one"}'] * 500}
        )
        store.add(Tables(events, users=pl.DataFrame({"user_id": [who], "city": ["town-of-one"]})))
        store.erase(who)
        files = b"".join(one.read_bytes() for one in tmp_path.iterdir())
        for trace in (who, "trace-of-one", "town-of-one"):
            assert trace.encode() not in files


def test_one_id_is_packed_as_many_are():
    ids = ["a", "550e8400-e29b-41d4-a716-446655440000", "550E8400E29B41D4A716446655440000", "z" * 32, "ab " * 10 + "cd",
           "", "-" * 40, "é" * 16]  # fmt: skip
    assert [pack(id_) for id_ in ids] == packed(pl.Series(ids)).to_list()
    assert pack(None) != pack(None)


def test_a_file_brings_nothing_of_who_opted_out(store):
    store.opt_out("anna")
    rows = {"user_id": ["anna", "ben"], "item_id": ["i1", "i2"], "event_id": ["a", "b"]}
    assert store.add(Tables(pl.DataFrame(rows))).new == 1
    assert store.tables().events["user_id"].to_list() == ["ben"]
