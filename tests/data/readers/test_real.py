"""The real files, all of them, against their published counts."""

from pathlib import Path

import polars as pl
import pytest

from serendip.data.readers import no_product

from .conftest import whole


@pytest.mark.parametrize(
    ("name", "events", "users", "items"),
    [
        ("ml-100k/u.data.gz", 100_000, 943, 1_682),
        ("ml-latest-small/ratings.csv.gz", 100_836, 610, 9_724),
        ("ml-1m/ratings.csv.gz", 1_000_209, 6_040, 3_706),
        ("lastfm-hetrec/user_artists.dat.gz", 92_834, 1_892, 17_632),
    ],
)
def test_events(real: Path, name: str, events: int, users: int, items: int) -> None:
    found = whole(real / name)
    assert (found.loaded, found.bad.height) == (events, 0)
    assert (found.events["user_id"].n_unique(), found.events["item_id"].n_unique()) == (users, items)
    assert found.events["event_id"].n_unique() == events


@pytest.mark.parametrize(
    ("name", "table", "rows"),
    [
        ("ml-100k/u.item.gz", "items", 1_682),
        ("ml-100k/u.user.gz", "users", 943),
        ("ml-1m/movies.dat.gz", "items", 3_883),
        ("ml-1m/users.dat.gz", "users", 6_040),
        ("ml-latest-small/movies.csv.gz", "items", 9_742),
        ("lastfm-hetrec/artists.dat.gz", "items", None),
    ],
)
def test_attributes(real: Path, name: str, table: str, rows: int | None) -> None:
    found = whole(real / name)
    assert (found.plan.table, found.bad.height) == (table, 0)
    frame: pl.DataFrame = getattr(found, table)
    assert frame.height == (rows or found.rows)
    if table == "items":
        assert frame["title"].null_count() <= 1


def test_tags(real: Path) -> None:
    found = whole(real / "ml-latest-small/tags.csv.gz")
    assert (found.loaded, found.events["type"].unique().to_list()) == (3_683, ["tag"])


def test_ratings_between_double_colons(real: Path, tmp_path: Path) -> None:
    frame = pl.read_csv(real / "ml-1m/ratings.csv.gz", n_rows=50_000).select(pl.all().head(50_000))
    path = tmp_path / "ratings.dat"
    path.write_text("".join(f"{u}::{i}::{r}::{t}\n" for u, i, r, t, *_ in frame.iter_rows()))
    found = whole(path)
    assert found.plan.separator == "::"
    assert found.events["value"].to_list() == frame["rating"].cast(pl.Float64).to_list()


def test_a_shop_as_it_is(real: Path) -> None:
    found = whole(real / "online-retail/online_retail.csv.gz")
    kinds = dict(found.events["type"].value_counts().iter_rows())
    assert kinds == {"purchase": 397_924, "return": 8_905}
    assert (found.rows, found.bad["reason"].unique().to_list()) == (541_909, ["no user id"])
    assert found.users.height == 4_372
    assert found.items.height == 4_070
    titles = dict(found.items.select("item_id", "title").iter_rows())
    assert titles["85123A"] == "WHITE HANGING HEART T-LIGHT HOLDER"
    odd = set(no_product(found.items)["item_id"])
    assert {"POST", "DOT", "M", "BANK CHARGES", "AMAZONFEE", "D", "S", "CRUK", "PADS", "C2", "gift_0001_20"} <= odd
    assert len(odd) < 30
