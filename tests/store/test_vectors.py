"""Embeddings are kept by both databases to the last digit of a float32, and are no words to be found by."""

import polars as pl

from serendip.data.tables import Tables
from serendip.store.describe import Entry
from serendip.store.store import Store

EVENTS = pl.DataFrame({"user_id": ["u"], "item_id": ["a"]})
VECTORS = pl.Series("v", [[0.1, -2.5e-8], [1 / 3, 4.0]], pl.List(pl.Float32))
TABLES = Tables(EVENTS, pl.DataFrame({"item_id": ["a", "b"], "v": VECTORS}))


def test_vectors_come_back_as_they_were(store: Store) -> None:
    store.add(TABLES)
    kept = store.item_features()
    assert kept is not None and kept["v"].equals(VECTORS)
    one = store.about("items", "a")
    assert one is not None and one.attributes == {"v": [0.1, -2.5e-8]}
    assert store.search_items("0") == []


def test_a_vector_is_put_one_by_one(store: Store) -> None:
    store.add(TABLES)
    done = store.describe("items", [
        Entry("c", {"v": [1, 0.5], "more": [0.5, 0.5]}),
        Entry("d", {"v": "0.1|0.2"}),
        Entry("e", {"v": [0.1, 1e39]}),
        Entry("f", {"w": [0.1, "b"]}),
    ])  # fmt: skip
    assert [(put.id, put.status, put.reason) for put in done] == [
        ("c", "created", None),
        ("d", "invalid", 'v is a list of numbers, not "0.1|0.2"'),
        ("e", "invalid", "v is a list of numbers, not [0.1, 1e+39]"),
        ("f", "invalid", "w is a number, a text, true or false, a date or a list of texts or of numbers, "
                         'not [0.1, "b"]'),
    ]  # fmt: skip
    kept = store.item_features()
    assert kept is not None and kept["v"].to_list()[2] == [1.0, 0.5] and kept["more"].to_list()[:2] == [None, None]
    assert kept.schema["more"] == pl.List(pl.Float32)
