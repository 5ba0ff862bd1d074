"""From files and frames to a data set: the ids are text, the rules are a project's, nothing goes in silence."""

import os
from pathlib import Path

import polars as pl
import pytest

import serendip
from serendip.config import Interactions

RATINGS = "userId,movieId,rating,timestamp\n1,10,5,964982703\n1,20,1,964982803\n2,10,4,964982903\n"


def test_a_file_and_the_same_rows_as_a_frame_are_one_data_set(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(RATINGS)
    of_file, of_frame = serendip.read(path), serendip.read(pl.read_csv(path))
    assert of_file.users.series.to_list() == ["1", "2"]
    assert len(of_file) == 3
    assert of_file.fingerprint == of_frame.fingerprint
    assert serendip.read(str(path)).fingerprint == of_file.fingerprint


def test_a_low_rating_is_no_interest_unless_said_so(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(RATINGS)
    data = serendip.read(path)
    assert data.rules.threshold == 3
    assert data.matrix.toarray().tolist() == [[1, 0], [1, 0]]
    assert serendip.read(path, interactions=Interactions(rating_threshold=1)).matrix.nnz == 3


def test_items_and_users_bring_their_attributes(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text(RATINGS)
    (tmp_path / "movies.csv").write_text("movieId,title\n20,Heat\n10,Toy Story\n30,Nobody saw it\n")
    (tmp_path / "users.csv").write_text("userId,age\n2,31\n1,\n")
    data = serendip.read(tmp_path / "ratings.csv", items=tmp_path / "movies.csv", users=tmp_path / "users.csv")
    assert data.item_features is not None and data.user_features is not None
    assert dict(zip(data.items.series, data.item_features["title"], strict=True)) == {
        "10": "Toy Story", "20": "Heat", "30": "Nobody saw it",
    }  # fmt: skip
    assert data.user_features["age"].to_list() == [None, 31]


def test_a_row_that_is_left_out_is_told_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(RATINGS + ",30,5,964982903\n")
    with pytest.warns(UserWarning, match="1 row is left out: 1 no user id"):
        data = serendip.read(path)
    assert len(data) == 3
    kept = serendip.tables(path).quarantine
    assert kept.select("line", "reason").rows() == [(5, "no user id")]


def test_a_file_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(serendip.UserError, match=r"nowhere\.csv"):
        serendip.read("nowhere.csv")


def test_context_becomes_columns_that_models_may_use() -> None:
    events = {"user": list("abab"), "item": list("xyyx"), "device": ["tv", None, "tv", "phone"], "place": ["home"] * 4}
    data = serendip.read(events, context=["device"])
    assert data.context["device"].to_list() == ["tv", "tv", None, "phone"]  # user by user
    assert not serendip.read(events).context
    with pytest.raises(serendip.UserError, match="no event has 'devise' in its context; did you mean 'device'"):
        serendip.read(events, context=["devise"])


def test_a_dict_is_columns_of_equal_length() -> None:
    assert len(serendip.read({"user": list("ab"), "item": list("xy")})) == 2
    with pytest.raises(serendip.UserError, match="columns as long as each other"):
        serendip.read({"user": list("ab"), "item": list("xyz")})


def test_columns_may_be_named_in_a_mapping() -> None:
    frame = pl.DataFrame({"a": ["ann", "bob"], "b": ["tea", "tea"], "c": [5, 3]})
    data = serendip.read(frame, columns={"user": "a", "item": "b", "value": "c"})
    assert (data.n_users, data.n_items, len(data)) == (2, 1, 2)
    assert str(data) == "2 events (interaction) of 2 users and 1 item, without times"
    with pytest.raises(serendip.UserError, match="not 'usr'; did you mean 'user'"):
        serendip.read(frame, columns={"usr": "a"})


@pytest.mark.skipif("SERENDIP_DATA" not in os.environ, reason="SERENDIP_DATA is not set: no real data here")
def test_a_published_split_is_judged() -> None:
    parts = serendip.load_split("ml-100k/u1", offline=True)
    assert (len(parts.train), len(parts.test)) == (80_000, 20_000) and parts.train.users is not None
    assert parts.train.n_items == parts.test.n_items == 1682
    found = serendip.evaluate("baseline", parts, "rmse")
    assert found["mean"][0] == pytest.approx(0.96, abs=0.01)  # beside its user average's 1.063
    with pytest.raises(serendip.UserError, match="a list of its own for each user"):
        serendip.load_split("ncf-ml-1m", offline=True)
