"""Event ids: stable, distinct, and the same however a file is cut."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.data.readers.eventid import Occurrences, event_ids, hashes


def ids(rows: list[str], cuts: int) -> list[str]:
    seen, found = Occurrences(), []
    for start in range(0, len(rows), cuts):
        found += event_ids(pl.DataFrame({"a": rows[start : start + cuts]}), seen).to_list()
    return found


GOLDEN = [
    "b8f0137012a22091a39bd16781c83aa1",
    "f444765e23df6198ce0ca314ce0953e4",
    "c2f093e41879e412280bfcc0ed6533e4",
    "70f13cdc506552c4ee6860c0adee9035",
]


def test_ids_do_not_change_from_version_to_version() -> None:
    assert ids(["1,2,5", "1,2,5", "x" * 300, ""], 2) == GOLDEN


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "abcdefgh", "abcdefghi", "é" * 200, ""]), max_size=40), st.integers(1, 9))
def test_any_cut_gives_the_same_ids(rows: list[str], cuts: int) -> None:
    found = ids(rows, cuts)
    assert found == ids(rows, 1000)
    assert len(set(found)) == len(rows)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 20), max_size=30), max_size=12))
def test_occurrences_count_what_came_before(blocks: list[list[int]]) -> None:
    seen, before = Occurrences(), dict.fromkeys(range(21), 0)
    for block in blocks:
        expected = []
        for key in block:
            expected.append(before[key])
            before[key] += 1
        assert seen.number(np.array(block, np.uint64)).tolist() == expected


def test_no_two_rows_of_many_meet() -> None:
    rows = pl.DataFrame({"u": [str(i) for i in range(200_000)], "i": [str(i % 7) for i in range(200_000)]})
    h = hashes(rows)
    assert len(np.unique(h[:, 0])) == len(np.unique(h[:, 1])) == rows.height
    bits = np.unpackbits(h.view(np.uint8), axis=1).mean(axis=0)
    assert np.abs(bits - 0.5).max() < 0.01
