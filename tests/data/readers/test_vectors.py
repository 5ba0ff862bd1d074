"""Embeddings that the user brings are read as they are, whatever kind of file they come in."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from serendip.data.readers import read, recognise
from serendip.data.readers.cells import vector_separator

ITEMS = pl.DataFrame(
    {"item_id": list("abc"), "title": ["Lamp", "Sofa", "Rug"], "sizes": [["S"], ["S", "M"], ["L"]],
     "embedding": [[0.25, -1.5e-7, 3.0], [1.0, 2.0, 0.1], None]},
    schema_overrides={"embedding": pl.List(pl.Float32)},
)  # fmt: skip
FORMS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    "items.parquet": pl.DataFrame.write_parquet,
    "items.jsonl": pl.DataFrame.write_ndjson,
    "items.csv": lambda frame, path: written(frame, "[{}]", ", ").write_csv(path),
    "items.tsv": lambda frame, path: written(frame, "{}", "|").write_csv(path, separator="\t"),
}


def written(frame: pl.DataFrame, around: str, between: str) -> pl.DataFrame:
    """Return lists as the text that a file of text has of them."""
    cells = [None if v is None else around.format(between.join(map(str, v))) for v in frame["embedding"].to_list()]
    return frame.with_columns(pl.col("sizes").list.join("|"), embedding=pl.Series(cells))


@pytest.mark.parametrize("name", FORMS)
def test_a_column_of_vectors_is_read_from_every_kind_of_file(tmp_path: Path, name: str) -> None:
    FORMS[name](ITEMS, tmp_path / name)
    first, *_ = read(recognise(tmp_path / name))
    assert first.items.schema["embedding"] == pl.List(pl.Float32)
    assert first.items["embedding"].to_list() == ITEMS["embedding"].to_list()
    assert first.items["title"].to_list() == ["Lamp", "Sofa", "Rug"]


def test_arrays_of_a_frame_are_vectors() -> None:
    frame = ITEMS.head(2).with_columns(pl.col("embedding").cast(pl.Array(pl.Float64, 3)))
    first, *_ = read(recognise(frame))
    np.testing.assert_allclose(first.items["embedding"].to_list(), ITEMS["embedding"].head(2).to_list())


def test_a_vector_that_cannot_be_read_is_missing() -> None:
    frame = pl.DataFrame({"item_id": list("abcd"), "v": ["[0.1,0.2]", "[0.3,x]", "[0.3,NaN]", "[0.5,0.5]"]})
    plan = recognise(pl.DataFrame({"item_id": list("ab"), "v": ["[0.1,0.2]", "[0.5,0.5]"]}))
    assert plan.of("item attribute")[0].kind == "vector:,"
    first, *_ = read(type(plan).from_dict(plan.as_dict(), data=frame))
    assert [v is None for v in first.items["v"].to_list()] == [False, True, True, False]


@pytest.mark.parametrize(
    "cells",
    [["1|2", "3|4"], ["4.5|5", "6"], ["0.5", "0.25"], ["1.5 l, red", "2.5 l, blue"], ["Drama|War", "War"],
     ["1,5", "2,5"], ["2.0.1|3", "2.0.2|3"], ["1.234,50", "3.100,00"], ["52.37, 4.89", "48.86, 2.35"]],
)  # fmt: skip
def test_lists_of_ids_of_several_lengths_and_texts_are_no_vectors(cells: list[str]) -> None:
    assert vector_separator(pl.Series(cells)) == ""
