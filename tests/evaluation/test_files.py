"""The files of a bench: what is taken for what, and one sentence where it cannot be."""

import gzip

import polars as pl
import pytest

from serendip.errors import UserError
from serendip.evaluation.files import read_events, read_features, read_pairs


def written(folder, text, name="train.csv"):
    path = folder / name
    path.write_text(text)
    return path


def test_ids_are_text_whatever_their_column_was(tmp_path):
    text = written(tmp_path, "user_id,item_id\n1,007\n 2,x\n")
    assert read_events(text).rows() == [("1", "007"), ("2", "x")]
    floats = written(tmp_path, "user_id,item_id\n1.0,3.00\n2.0,4\n")
    assert read_events(floats).rows() == [("1", "3"), ("2", "4")]
    versions = written(tmp_path, "user_id,item_id\n1.0,a\n2.5,b\n")
    assert read_events(versions)["user_id"].to_list() == ["1.0", "2.5"]
    table = tmp_path / "train.parquet"
    pl.DataFrame({"user_id": [1.0, 2.0], "item_id": [3, 4]}).write_parquet(table)
    assert read_events(table).rows() == [("1", "3"), ("2", "4")]


def test_compressed_and_tabbed_files_are_read(tmp_path):
    path = tmp_path / "train.tsv.gz"
    path.write_bytes(gzip.compress(b"user_id\titem_id\tvalue\na\tp\t4.5\nb\tq\t\n"))
    frame = read_events(path)
    assert frame.rows() == [("a", "p", 4.5), ("b", "q", None)]


def test_times_become_milliseconds(tmp_path):
    for given in ("978300019", "978300019000", "978300019000000", "2000-12-31T22:00:19", "2000-12-31 22:00:19"):
        path = written(tmp_path, f"user_id,item_id,timestamp\na,p,{given}\n")
        assert read_events(path)["timestamp"].to_list() == [978_300_019_000]


def test_columns_that_are_not_named_are_context(tmp_path):
    path = written(tmp_path, "user_id,item_id,type,hour,event_id\na,p,click,9,77\n")
    assert read_events(path).columns == ["user_id", "item_id", "context.hour"]
    assert read_events(path, typed=True).columns == ["user_id", "item_id", "type", "context.hour"]


def test_a_number_further_down_may_have_decimals(tmp_path):
    rows = "".join(f"u,i{n},3\n" for n in range(5000))
    assert read_events(written(tmp_path, f"user_id,item_id,value\n{rows}u,j,3.5\n"))["value"][-1] == 3.5


def test_lists_are_separated_by_bars(tmp_path):
    path = written(tmp_path, "item_id,genres,price\n1,a|b,2.5\n2,c,\n3,,1\n")
    frame = read_features(path, "item_id")
    assert frame["genres"].to_list() == [["a", "b"], ["c"], None]
    assert frame["price"].to_list() == [2.5, None, 1]


def test_candidates_are_pairs(tmp_path):
    assert read_pairs(written(tmp_path, "item_id,user_id\np,a\n")).rows() == [("a", "p")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("user_id,item_id\n", "holds a header and no rows"),
        ("userid,item_id\na,p\n", "has no column 'user_id'; did you mean 'userid'?"),
        ("user_id,item_id\na,p\n,q\n", "has 1 row without user_id, the first is row 2"),
        ("user_id,item_id,value\na,p,3\nb,p,good\n", "row 2 has 'good' as value"),
        ("user_id,item_id,value\na,p,inf\n", "row 1 has inf as value"),
        ("user_id,item_id,timestamp\na,p,5\nb,p,soon\n", "row 2 has 'soon' as timestamp"),
        ("user_id,item_id\na,p,q,r\n", "cannot be read as a table"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(tmp_path, text, said):
    with pytest.raises(UserError) as error:
        read_events(written(tmp_path, text))
    assert said in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_binary_garbage_and_missing_files_are_told(tmp_path):
    for name in ("x.csv", "x.parquet", "x.csv.gz"):
        (tmp_path / name).write_bytes(bytes(range(256)) * 20)
        with pytest.raises(UserError):
            read_events(tmp_path / name)
    with pytest.raises(UserError, match="there is no file"):
        read_events(tmp_path / "none.csv")
