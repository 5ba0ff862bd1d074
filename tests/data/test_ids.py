import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.data.ids import BULK, Ids, as_text
from serendip.errors import UserError


def test_numbers_and_texts_meet() -> None:
    assert as_text(1) == as_text(1.0) == as_text("1") == as_text(" 1 ") == as_text(np.float32(1)) == "1"
    assert as_text("01") == "01"
    assert as_text(1.5) == "1.5"


@given(st.lists(st.text(min_size=1).map(str.strip).filter(bool), unique=True, max_size=50))
def test_round_trip(names: list[str]) -> None:
    ids = Ids(names)
    assert ids.take(ids.index(names)) == names
    assert [ids.get(name) for name in names] == list(range(len(names)))
    assert sorted(ids.tie.tolist()) == list(range(len(names)))


def test_unknown_is_minus_one_in_bulk_too() -> None:
    ids = Ids([f"i{n}" for n in range(100)])
    asked = pl.Series([f"i{n % 150}" for n in range(BULK + 1)])
    expected = [n % 150 if n % 150 < 100 else -1 for n in range(BULK + 1)]
    assert ids.index(asked).tolist() == expected
    assert ids.index(asked.to_list()).tolist() == expected


def test_ties_depend_on_the_id_and_not_on_its_place() -> None:
    names = [f"item {n}" for n in range(50)]
    forward, backward = Ids(names), Ids(names[::-1])
    assert np.argsort(forward.tie).tolist() == [49 - i for i in np.argsort(backward.tie)]


def test_an_extended_table_keeps_its_indices() -> None:
    ids = Ids(["a", "b"])
    longer = ids.extend(["b", "d", "c", "d"])
    assert longer.series.to_list() == ["a", "b", "d", "c"]
    assert ids.extend(["a"]) is ids


def test_mistakes_are_said() -> None:
    with pytest.raises(UserError, match="'a' is there more than once"):
        Ids(["a", "b", "a"])
    with pytest.raises(UserError, match=r"no item has the id .star wras..*star wars"):
        Ids(["star wars", "alien"]).find("star wras", "item")
