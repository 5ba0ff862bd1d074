"""JSON Lines, Parquet, frames and SQL give what the same table as CSV gives."""

import gzip
import json
import sqlite3
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serendip.data.readers import Query, recognise
from serendip.errors import UserError

from .conftest import Write, whole, zstd

WORD = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=1, max_size=6)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\x1f", exclude_categories=("Cs",)), max_size=12)
ROWS = st.lists(
    st.tuples(WORD, WORD, st.sampled_from(["1", "2", "4", "5"]), st.integers(10**9, 16 * 10**8).map(str), TEXT),
    min_size=1,
    max_size=12,
)
NAMES = ["user_id", "item_id", "rating", "timestamp", "review"]


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set('",\t\n;') or cell.startswith(" ") else cell


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, repeats=st.integers(1, 3), block=st.integers(1, 80), packed=st.sampled_from(["", ".gz", ".zst"]))
def test_every_format_and_block_size_gives_the_same_events(
    tmp_path: Path, rows: list[tuple[str, ...]], repeats: int, block: int, packed: str
) -> None:
    rows = rows * repeats
    frame = pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.String), orient="row")
    expected = whole(frame)
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstd.compress}[packed]
    texts = {
        "a.csv": "\n".join(",".join(map(quoted, r)) for r in [tuple(NAMES), *rows]) + "\n",
        "a.tsv": "\n".join("\t".join(map(quoted, r)) for r in [tuple(NAMES), *rows]),
        "a.jsonl": "".join(json.dumps(dict(zip(NAMES, r, strict=True))) + "\n" for r in rows),
    }
    found = []
    for name, text in texts.items():
        path = tmp_path / (name + packed)
        path.write_bytes(pack(text.encode()))
        separator = {"a.csv": ",", "a.tsv": "\t"}.get(name)
        found.append(whole(path, block_bytes=block, separator=separator))
    frame.write_parquet(tmp_path / "a.parquet", compression="brotli")
    found.append(whole(tmp_path / "a.parquet", block_bytes=block))
    for other in found:
        assert other.events.equals(expected.events)
        assert other.bad["reason"].to_list() == expected.bad["reason"].to_list()
    assert expected.events["event_id"].n_unique() == expected.events.height


def test_typed_columns_are_read_as_text(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "user_id": [1.0, 2.0, None],
            "item_id": [7, 8, 9],
            "rating": [1.5, float("nan"), 4.0],
            "timestamp": [datetime(2020, 1, 1, 12)] * 3,
            "tags": [["a", "b"], [], None],
            "ok": [True, False, None],
        }
    )
    found = whole(frame)
    assert found.events.select("user_id", "item_id", "value", "timestamp").rows() == [("1", "7", 1.5, 1577880000000)]
    assert found.reasons == [(2, "rating is NaN or infinite"), (3, "no user id")]
    frame.write_parquet(tmp_path / "a.parquet")
    assert whole(tmp_path / "a.parquet").events.equals(found.events)
    assert whole({"user": ["a"], "item": ["x"]}).loaded == 1
    with pytest.raises(UserError, match="no data frame"):
        recognise(3)


def test_any_arrow_stream() -> None:
    class Foreign:
        def __init__(self, frame: pl.DataFrame) -> None:
            self.frame = frame

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return self.frame.__arrow_c_stream__(requested_schema)

    assert whole(Foreign(pl.DataFrame({"user": ["a"], "item": ["x"]}))).events["item_id"].to_list() == ["x"]


def test_json_lines_with_faults(write: Write) -> None:
    lines = [
        '{"user": 1, "item": "x", "rating": 4.0, "place": {"city": "Oslo"}}',
        '{"user": 2, "item": "x", "rat',
        '{"user": 3, "rating": 4}',
        "[1, 2]",
        "",
        '{"user": 4, "item": "y", "rating": NaN}',
        '{"user": 5, "item": "y", "rating": 2, "later": "new"}',
    ]
    found = whole(write("\n".join(lines) + "\n", "a.jsonl"), sample_bytes=150)
    assert found.events["user_id"].to_list() == ["1", "5"]
    assert [line for line, _ in found.reasons] == [2, 3, 4, 6]
    assert found.skipped == 1
    context = [json.loads(c) for c in found.events["context"]]
    assert context[1] == {"later": "new"}
    assert json.loads(context[0]["place"]) == {"city": "Oslo"}


def test_sql(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "shop.db")
    base.execute("create table buys (customer_id integer, sku text, qty real, created_at text)")
    base.executemany("insert into buys values (?,?,?,?)", [(1, "a", 2, "2020-01-01"), (None, "b", 1, "2020-01-02")])
    base.commit()
    select = "select * from buys order by created_at"
    found = whole(Query(select, f"sqlite:///{tmp_path / 'shop.db'}"))
    assert found.events.select("user_id", "item_id", "type", "value").rows() == [("1", "a", "purchase", 2)]
    assert found.reasons == [(2, "no user id")]
    assert whole(Query(select, base)).events.equals(found.events)
    with pytest.raises(UserError, match="refuses the query: no such table"):
        recognise(Query("select * from none", base))
    with pytest.raises(UserError, match=r"did you mean 'shop\.db'"):
        recognise(Query(select, f"sqlite:///{tmp_path / 'shops.db'}"))
    with pytest.raises(UserError, match="needs a SELECT"):
        recognise(f"sqlite:///{tmp_path / 'shop.db'}")
    base.close()


def test_parquet_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"user": ["a"] * 100, "item": ["x"] * 100}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match="damaged"):
        recognise(path)
