"""A folder with the small files that the pages speak of, in which their commands and snippets run."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from serendip.checks.toys import planted
from serendip.data.interactions import DAY
from serendip.data.shop import simulate
from serendip.data.split import last_share

START = 1_600_000_000_000  # ms


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder: ratings and movies, a shop's events, a shop with one file, and a split for the bench."""
    folder = tmp_path_factory.mktemp("files")
    films(folder)
    shop(folder)
    return folder


def films(folder: Path) -> None:
    """Write ratings.csv (and .gz), movies.csv, train.csv and test.csv: 300 users with ids from 1, 120 films."""
    data = planted().data
    assert data.value is not None and data.item_features is not None
    generator = np.random.default_rng(3)
    begin, pace = generator.integers(0, 200, data.n_users), generator.random(data.n_users)  # users overlap in time
    step = np.arange(len(data)) - data.offset[:-1][data.user]
    day = begin[data.user] + 10 * pace[data.user] * step
    who = [str(int(user.removeprefix("u")) + 1) for user in data.users.series.to_list()]
    what = [item.removeprefix("i") for item in data.items.series.to_list()]
    ratings = pl.DataFrame(
        {
            "userId": [who[u] for u in data.user],
            "movieId": [what[i] for i in data.item],
            "rating": data.value,
            "timestamp": START // 1000 + (day * DAY / 1000).astype(np.int64),
        }
    ).sort("timestamp")
    ratings.write_csv(folder / "ratings.csv")
    (folder / "ratings.csv.gz").write_bytes(gzip.compress((folder / "ratings.csv").read_bytes()))
    genres = data.item_features["genres"].list.join("|")
    pl.DataFrame({"movieId": what, "title": data.item_features["title"], "genres": genres}).write_csv(
        folder / "movies.csv"
    )
    parts = last_share(data)
    for name, part in (("train", parts.train), ("test", parts.test)):
        pl.DataFrame(
            {"user_id": part.users.take(part.user), "item_id": part.items.take(part.item), "value": part.value}
        ).write_csv(folder / f"{name}.csv")


def shop(folder: Path) -> None:
    """Write events.csv, items.csv and users.csv of a simulated shop, and its orders as one file, orders.csv."""
    made = simulate(seed=0, n_users=300, n_items=100, days=90).tables
    made.events.select("user_id", "item_id", "type", "value", "timestamp").write_csv(folder / "events.csv")
    made.items.with_columns(pl.col("category").list.join("|")).write_csv(folder / "items.csv")
    made.users.write_csv(folder / "users.csv")
    bought = made.events.filter(pl.col("type").is_in(["purchase", "return"])).join(made.items, on="item_id")
    back = pl.col("type") == "return"
    number = (536_365 + pl.int_range(pl.len())).cast(pl.String)
    bought.join(made.users, on="user_id").select(
        InvoiceNo=pl.when(back).then(pl.lit("C") + number).otherwise(number),
        StockCode=pl.lit("2") + pl.col("item_id").str.strip_prefix("p").str.zfill(4),
        Description=pl.col("title").str.to_uppercase(),
        Quantity=pl.when(back).then(-1).otherwise(1),
        InvoiceDate=pl.from_epoch("timestamp", time_unit="ms").dt.strftime("%Y-%m-%d %H:%M"),
        UnitPrice="price",
        CustomerID=pl.col("user_id").str.strip_prefix("u").cast(pl.Int64) + 12_346,
        Country="country",
    ).write_csv(folder / "orders.csv")
