"""Timestamps, numbers and lists out of text."""

from datetime import UTC, datetime

import polars as pl
import pytest

from serendip.data.readers import cells as C
from serendip.data.readers.scale import infer_scale

MOMENT = datetime(2020, 3, 25, 14, 5, 6, tzinfo=UTC)
MS = int(MOMENT.timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1585145106", MS),
        ("1585145106000", MS),
        ("1585145106000000", MS),
        ("1585145106000000000", MS),
        ("1585145106.5", MS + 500),
        ("1.585145106e9", MS),
        ("2020-03-25T14:05:06Z", MS),
        ("2020-03-25T16:05:06+02:00", MS),
        ("2020-03-25 14:05:06.25+00:00", MS + 250),
        ("2020-03-25 14:05:06", MS),
        ("2020-03-25T14:05:06.125", MS + 125),
        ("2020-03-25 14:05", MS - 6000),
        ("25/03/2020 14:05:06", MS),
        ("03/25/2020 14:05:06", MS),
        ("3/25/2020 2:05 PM", MS - 6000),
        ("25.03.2020 14:05:06", MS),
        ("25-Mar-2020", MS - 50706000),
        ("20200325", MS - 50706000),
        ("2020-03-25 14:05:06 UTC", MS),
    ],
)
def test_timestamps(text: str, ms: int) -> None:
    cells = pl.Series("t", [text, None, "rubbish", text])
    found = C.recognise_time(pl.Series([text] * 3))
    assert found is not None
    assert C.timestamps(cells, found[0]).to_list() == [ms, None, None, ms]


def test_day_or_month_first_is_decided_by_the_data() -> None:
    rising = C.recognise_time(pl.Series(["01/02/2020", "02/02/2020", "03/02/2020", "01/03/2020"]))
    assert rising is not None and rising[0] == "%d/%m/%Y" and "time order" in rising[1]
    falling = C.recognise_time(pl.Series(["02/01/2020", "02/02/2020", "02/03/2020", "03/01/2020"]))
    assert falling is not None and falling[0] == "%m/%d/%Y"
    told = C.recognise_time(pl.Series(["01/02/2020", "13/02/2020"]))
    assert told == ("%d/%m/%Y", "")
    neither = C.recognise_time(pl.Series(["01/02/2020"]))
    assert neither is not None and "nothing in the file tells" in neither[1]
    assert C.timestamps(pl.Series(["02/13/2020"]), "%d/%m/%Y").to_list() == [None]


def test_lists_and_missing_markers() -> None:
    frame = pl.DataFrame({"c": ["a|b", " a ", "['x', 'y']", "", "NULL", r"\N", "||"]})
    assert frame.select(C.lists(pl.col("c").str.replace_all(", ", "|"), "|")).to_series().to_list() == [
        ["a", "b"], ["a"], ["x", "y"], None, None, None, [],
    ]  # fmt: skip


def test_prices() -> None:
    frame = pl.DataFrame({"c": ["$1,299.00", "3.5", "£2", "4 EUR", "free", "-1.5"]})
    assert frame.select(C.prices(pl.col("c"))).to_series().to_list() == [1299, 3.5, 2, 4, None, -1.5]


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1, 2, 3, 4, 5], (1, 5)),
        ([1, 2, 3, 4, 5, 4, 3, 5, 2, 999, -3], (1, 5)),
        ([0.5, 3.5, 4, 5, 2, 1], (0.5, 5)),
        ([0, 1, 2, 3, 4, 5], (0, 5)),
        ([1, 10, 7, 8, 9, 3], (1, 10)),
        ([0, 1, 1, 0], (0, 1)),
        ([10, 90, 55], (1, 100)),
        ([5, 12000, 700, 3], None),
        ([], None),
    ],
)
def test_scale(values: list[float], scale: tuple[float, float] | None) -> None:
    assert infer_scale(pl.Series(values, dtype=pl.Float64)) == scale
