import math
import threading

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serendip.data.dataset import Dataset
from serendip.data.slates import Slates
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.als import ALS
from serendip.store.events import Added
from serendip.store.store import Counts, Store


def events(n=200, seed=0, **columns):
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "event_id": [f"{seed}-{i}" for i in range(n)],
            "user_id": [f"u{i}" for i in rng.integers(0, 20, n)],
            "item_id": [f"i{i}" for i in rng.integers(0, 30, n)],
            "type": rng.choice(["view", "purchase", "rating"], n),
            "value": [float(v) if v > 2 else None for v in rng.integers(0, 9, n)],
            "timestamp": rng.integers(0, 50, n),
            **columns,
        }
    )


def test_the_same_events_twice_change_nothing(store):
    tables = Tables(events())
    first = store.add(tables)
    before = store.tables()
    assert first == Added(200, 0, 0, len(store.users()), len(store.items()))
    assert store.add(tables) == Added(0, 200, 0, 0, 0)
    assert store.tables().events.equals(before.events)


def test_a_known_id_with_another_body_is_a_conflict_and_the_first_stays(store):
    store.add(Tables(events(4).head(3)))
    before = store.tables().events
    other = events(4).with_columns(value=pl.when(pl.int_range(4) < 2).then(99.0).otherwise("value"))
    assert store.add(Tables(other)) == Added(1, 3, 2, 1, 1)  # u16 and i27
    assert store.tables().events.head(3).equals(before)


def test_an_id_twice_in_one_batch_counts_once(store):
    twice = pl.concat([events(5), events(5)])
    assert store.add(Tables(twice)).new == 5


def test_events_without_an_id_are_all_new(store):
    anonymous = events(10).drop("event_id")
    assert [store.add(Tables(anonymous)).new for _ in range(2)] == [10, 10]
    assert store.tables().events["event_id"].n_unique() == 20


def test_a_uuid_keeps_its_digits(store):
    uuid = "550e8400-e29b-41d4-a716-446655440000"
    store.add(Tables(events(1, event_id=[uuid])))
    assert store.tables().events["event_id"].to_list() == [uuid.replace("-", "")]
    assert store.add(Tables(events(1, event_id=[uuid.replace("-", "").upper()]))).repeated == 1


def test_what_goes_in_comes_out(store):
    given = events(50).with_columns(
        context=pl.when(pl.int_range(50) % 3 == 0).then(pl.lit('{"device":"phone"}')),
        source=pl.lit("a.csv"),
        impression_id=pl.lit(None, pl.String),
    )
    store.add(Tables(given))
    columns = [c for c in given.columns if c != "event_id"]
    assert store.tables().events.select(columns).equals(given.select(columns))


def test_the_data_set_is_the_one_of_the_tables(store):
    tables = Tables(
        events(),
        pl.DataFrame(
            {"item_id": ["i1", "new"], "price": [2.5, None], "genres": [["a", "b"], None], "title": ["T", "N"]}
        ),
        pl.DataFrame({"user_id": ["u1"], "age": [30]}),
    )
    store.add(tables)
    ours, want = store.dataset(), Dataset.of(tables)
    assert ours.users == want.users and ours.items == want.items
    np.testing.assert_array_equal(ours.user, want.user)
    np.testing.assert_array_equal(ours.item, want.item)
    np.testing.assert_array_equal(ours.timestamp, want.timestamp)
    np.testing.assert_array_equal(ours.value, want.value)
    assert [ours.types[c] for c in ours.type] == [want.types[c] for c in want.type]
    assert ours.item_features.select("price", "genres", "title").equals(want.item_features)
    assert ours.user_features["age"].to_list() == want.user_features["age"].cast(pl.Float64).to_list()


def test_context_comes_as_columns_when_asked_for(store):
    said = ['{"device":"phone","n":1}', "not json", None]
    store.add(Tables(events(3, user_id=["a", "a", "a"], timestamp=[3, 2, 1], context=said)))
    context = store.dataset(context=["device", "n"]).context
    assert context["device"].to_list() == [None, None, "phone"]
    assert context["n"].to_list() == [None, None, 1]


def test_a_served_history_is_the_one_that_a_model_was_fitted_on(store):
    store.add(Tables(events(timestamp=[None if i % 7 == 0 else i % 11 for i in range(200)])))
    data = store.dataset()
    fitted = data.history.fingerprint()
    for user in range(data.n_users):
        history = store.history(user)
        assert history.fingerprint()[0] == fitted[user]
        np.testing.assert_array_equal(history.item, data.item[data.offset[user] : data.offset[user + 1]])
        np.testing.assert_array_equal(history.timestamp, data.timestamp[data.offset[user] : data.offset[user + 1]])
        assert store.history(data.users[user]).item.tolist() == history.item.tolist()
    last = store.history(0, limit=3)
    np.testing.assert_array_equal(last.item, data.item[data.offset[1] - 3 : data.offset[1]])
    assert len(store.history("nobody").item) == 0


def test_an_event_changes_the_next_history_and_keeps_every_index(store):
    store.add(Tables(events(50)))
    items = store.items().series.to_list()
    store.add(Tables(events(1, seed=1, user_id=["u0"], item_id=["brand new"], type=["hide"], timestamp=[99])))
    history = store.history("u0")
    assert store.items()[int(history.item[-1])] == "brand new"
    assert history.types[history.type[-1]] == "hide"
    assert store.items().series.to_list() == [*items, "brand new"]


def test_no_timestamp_at_all_is_none(store):
    store.add(Tables(events(20).drop("timestamp")))
    assert store.dataset().timestamp is None
    assert store.history(0).timestamp is None


def test_a_newer_attribute_wins_and_a_missing_one_erases_nothing(store):
    none = events(0)
    store.add(Tables(none, pl.DataFrame({"item_id": ["a", "b"], "price": [1.0, 2.0], "title": ["A", None]})))
    store.add(Tables(none, pl.DataFrame({"item_id": ["b", "a"], "price": [None, 3.5], "colour": ["red", None]})))
    frame = store.dataset().item_features
    assert frame["price"].to_list() == [3.5, 2.0]
    assert frame["title"].to_list() == ["A", None]
    assert frame["colour"].to_list() == [None, "red"]


def test_kinds_of_attributes_have_their_types(store):
    day = pl.Series([1_700_000_000_000]).cast(pl.Datetime("ms"))
    items = pl.DataFrame(
        {"item_id": ["a"], "price": [1], "sold": [True], "genres": [["x", "y"]], "title": ["é"], "released": day}
    )
    store.add(Tables(events(0), items))
    frame = store.dataset().item_features
    kinds = {"price": pl.Float64, "sold": pl.Boolean, "genres": pl.List(pl.String), "title": pl.String,
             "released": pl.Datetime("ms")}  # fmt: skip
    assert {name: frame.schema[name] for name in kinds} == kinds
    assert frame["released"][0] == day[0] and frame["genres"].to_list() == [["x", "y"]]


def test_a_column_whose_types_conflict_becomes_text_also_where_it_was_stored(store):
    none = events(0)
    store.add(Tables(none, pl.DataFrame({"item_id": ["a", "b"], "size": [40.0, 41.5], "tag": ["x", None]})))
    store.add(Tables(none, pl.DataFrame({"item_id": ["c"], "size": ["XL"], "tag": [["y", "z"]]})))
    store.add(Tables(none, pl.DataFrame({"item_id": ["d"], "size": [7]})))
    frame = store.dataset().item_features
    assert frame["size"].to_list() == ["40", "41.5", "XL", "7"]
    assert frame["tag"].to_list() == [["x"], None, ["y", "z"], None]


def test_events_since_go_on_where_they_stopped(store):
    store.add(Tables(events(5)))
    first = store.events_since(limit=3)
    assert len(first) == 3
    rest = store.events_since(first["seq"][-1])
    store.add(Tables(events(2, seed=1)))
    assert rest["event_id"].to_list() == store.tables().events["event_id"][3:5].to_list()
    assert len(store.events_since(rest["seq"][-1])) == 2


def test_counts(store):
    store.add(Tables(events(40)))
    assert store.counts() == Counts(len(store.users()), len(store.items()), 40, 0, 0)


def test_a_missing_id_is_refused_and_nothing_of_the_batch_is_kept(store):
    with pytest.raises(UserError, match="1 row has no item_id"):
        store.add(Tables(events(2, item_id=["a", None])))
    assert store.counts().events == 0 and store.counts().users == 0


def test_too_many_types_are_refused(store):
    with pytest.raises(UserError, match="types of events"):
        store.add(Tables(events(200, type=[f"t{i}" for i in range(200)])))
    assert store.counts().events == 0


def test_not_a_number_is_no_value(store):
    store.add(Tables(events(2, value=[math.nan, 1.0])))
    assert store.tables().events["value"].to_list() == [None, 1.0]


def test_recommendations_are_replaced_as_a_whole(store):
    store.add(Tables(events(60)))
    users = np.arange(4, dtype=np.int32)
    item = np.array([[0, 1], [2, -1], [-1, -1], [3, 0]], np.int32)
    slates = Slates(item, np.where(item < 0, np.nan, item + 0.5).astype(np.float32))
    assert store.put_recommendations("one", [(users, slates, None)]) == 3
    assert [(r.item, r.score, r.reason) for r in store.recommendations(0)] == [(0, 0.5, None), (1, 1.5, None)]
    assert store.recommendations(store.users()[2]) == []

    def torn():
        yield users, Slates(item[::-1], slates.score[::-1]), None
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put_recommendations("two", torn())
    assert store.recommendations_version() == "one"
    assert [r.item for r in store.recommendations(0)] == [0, 1]
    reasons = [["because", "so"]] * 4
    store.put_recommendations(
        "one",
        [
            (users[:2], Slates(item[:2, :1], slates.score[:2, :1]), reasons),
            (users[2:], Slates(item[2:], slates.score[2:]), reasons),
        ],
    )
    assert [(r.item_id, r.reason) for r in store.recommendations(3)] == [
        (store.items()[3], "because"),
        (store.items()[0], "so"),
    ]
    assert len(store.recommendations(0)) == 1
    assert store.counts().recommended == 3


def test_search_by_id_then_words(store):
    items = pl.DataFrame({"item_id": ["10", "1", "x"], "title": ["Blue Kettle", "Red 100% wool", "Kettle, red"]})
    users = pl.DataFrame({"user_id": ["anna"], "city": ["Basel"]})
    store.add(Tables(events(0), items, users))
    assert [f.id for f in store.search_items("1")] == ["1", "10"]
    assert [f.id for f in store.search_items("kettle red")] == ["x"]
    assert [f.id for f in store.search_items("title")] == []
    assert [f.id for f in store.search_items("100%")] == ["1"]
    assert [f.attributes["city"] for f in store.search_users("bas")] == ["Basel"]
    store.hide("x")
    assert [f.id for f in store.search_items("kettle")] == ["10"]
    assert store.hidden().tolist() == [store.items().get("x")]
    assert [f.id for f in store.about_items([2, 0, 99])] == ["x", "10"]


def test_reading_threads_see_whole_batches_while_another_writes(store):
    store.add(Tables(events(10)))
    seen, stop = [], threading.Event()

    def look():
        while not stop.is_set():
            data = store.dataset()
            seen.append((len(data), data.n_items == len(store.items()) or data.n_items < len(store.items())))
            assert len(store.history(0).item) >= 0

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for seed in range(1, 15):
        store.add(Tables(events(10, seed=seed)))
    stop.set()
    for thread in threads:
        thread.join()
    assert seen and all(n % 10 == 0 and whole for n, whole in seen)


def test_writing_threads_and_stores_lose_nothing(place):
    path = place()
    with Store.open(path) as one, Store.open(path) as two:

        def write(store, seed):
            for step in range(5):
                store.add(Tables(events(5, seed=seed * 10 + step)))

        threads = [threading.Thread(target=write, args=(s, i)) for i, s in enumerate([one, one, two, two])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.counts().events == two.counts().events == 100
        assert one.users() == two.users()
        assert one.users().series.n_unique() == len(one.users())


def test_a_store_can_be_trained_on_and_served_from(store):
    store.add(Tables(events(400)))
    model = ALS(rank=4, epochs=2).fit(store.dataset())
    user = 3
    fitted = model.score(store.dataset().queries(np.array([user], np.int32)))
    from serendip.data.queries import Queries

    served = model.score(Queries(np.array([user], np.int32), store.history(user)))
    np.testing.assert_array_equal(fitted, served)


words = st.text("abcé1- ", min_size=1, max_size=4).map(str.strip).filter(bool)
row = st.tuples(words, words, st.sampled_from(["view", "rating"]), st.none() | st.floats(-9, 9, width=32),
                st.none() | st.integers(0, 2**41))  # fmt: skip


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(row, max_size=6), max_size=4))
def test_any_batches_come_out_as_one_data_set(batches, place):
    names = ["user_id", "item_id", "type", "value", "timestamp"]
    schema = {"user_id": pl.String, "item_id": pl.String, "type": pl.String, "value": pl.Float64, "timestamp": pl.Int64}
    frames = [pl.DataFrame(batch, {n: schema[n] for n in names}, orient="row") for batch in batches]
    with Store.open(place()) as store:
        for frame in frames:
            store.add(Tables(frame))
        ours = store.dataset()
    want = Dataset.of(Tables(pl.concat([pl.DataFrame(schema=schema), *frames])))
    assert ours.users == want.users and ours.items == want.items
    np.testing.assert_array_equal(ours.item, want.item)
    np.testing.assert_array_equal(ours.user, want.user)
    if want.value is not None:
        np.testing.assert_array_equal(ours.value, want.value)
    assert (ours.timestamp is None) == (want.timestamp is None)


def test_many_users_are_found_at_once_but_for_who_is_unknown_or_has_opted_out(store):
    store.add(Tables(events()))
    users = store.users().series.to_list()
    store.opt_out(users[3])
    asked = [*users, "nobody"]
    known = {user_id: store.find_user(user_id) for user_id in asked}
    assert store.find_users(asked) == {user_id: index for user_id, index in known.items() if index >= 0}
    assert len(store.find_users(asked)) == len(users) - 1
