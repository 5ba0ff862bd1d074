"""MovieLens 100K, 1M and latest-small, in the form of GroupLens and in those that their copies have.

F. M. Harper and J. A. Konstan, The MovieLens Datasets: History and Context, TiiS 5(4), 2015. doi:10.1145/2827872
"""

from pathlib import Path

import polars as pl

from serendip.data.presplit import Presplit
from serendip.data.stored import events, find, table
from serendip.data.tables import Tables

RATING = ["user_id", "item_id", "value", "timestamp"]
USER = ["user_id", "age", "gender", "occupation", "zip"]
GENRES = [
    *("Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy"),
    *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
]
FOLDS = ("u1", "u2", "u3", "u4", "u5", "ua", "ub")
PARQUET = tuple(f"MovieLens100k_{part}.parquet.brotli" for part in ("data", "items", "users"))


def read_100k(folder: Path) -> Tables:
    """Read 100,000 ratings of 1 to 5 by 943 people, 1997 to 1998: GroupLens' files, or three Parquet files."""
    if find(folder, "u.data"):
        return _tables_100k(folder, table(folder, "u.data", RATING))
    data, items, users = (pl.read_parquet(folder / name).cast(pl.String) for name in PARQUET)
    data.columns, users.columns = RATING, USER
    return Tables(events(data, "rating"), _movies_100k(items), _people(users))


def split_100k(folder: Path, fold: str) -> Presplit:
    """Read one of the published folds: u1 to u5 of ratings at random, ua and ub with ten ratings of each user."""
    train, test = (_tables_100k(folder, table(folder, f"{fold}.{part}", RATING)) for part in ("base", "test"))
    return Presplit(train, test)


def read_1m(folder: Path) -> Tables:
    """Read 1,000,209 ratings of 1 to 5 by 6,040 people; an age is the lower end of its band, 1 means under 18."""
    if find(folder, "ratings.dat"):
        ratings = table(folder, "ratings.dat", RATING, "::")
    else:
        ratings = table(folder, "ratings.csv", separator=",").rename({"movie_id": "item_id", "rating": "value"})
    movies = table(folder, "movies.dat", ["item_id", "title", "genres"], "::")
    people = table(folder, "users.dat", ["user_id", "gender", "age", "occupation", "zip"], "::")
    return Tables(events(ratings, "rating"), _movies(movies), _people(people))


def read_latest(folder: Path) -> Tables:
    """Read 100,836 ratings of 0.5 to 5 by 610 people, to 2018; what people wrote on a movie becomes its tags."""
    ratings = table(folder, "ratings.csv", separator=",")
    ratings.columns = RATING
    movies = table(folder, "movies.csv", separator=",").rename({"movieId": "item_id"})
    tags = table(folder, "tags.csv", separator=",").group_by("movieId").agg(pl.col("tag").unique().sort().alias("tags"))
    items = _movies(movies).join(tags, left_on="item_id", right_on="movieId", how="left", maintain_order="left")
    users = ratings.select("user_id").unique(maintain_order=True)
    return Tables(events(ratings, "rating"), items, users)


def _tables_100k(folder: Path, ratings: pl.DataFrame) -> Tables:
    columns = ["item_id", "title", "release_date", "video", "url", "unknown", *GENRES]
    return Tables(
        events(ratings, "rating"),
        _movies_100k(table(folder, "u.item", columns, "|")),
        _people(table(folder, "u.user", USER, "|")),
    )


def _movies_100k(items: pl.DataFrame) -> pl.DataFrame:
    """Return the movies of a table with a column of "0" or "1" a genre."""
    items = items.rename({"movie_id": "item_id", "movie_title": "title"}, strict=False)
    flags = [pl.when(pl.col(genre) == "1").then(pl.lit(genre)) for genre in GENRES]
    genres = pl.concat_list(flags).list.drop_nulls().list.join("|")
    movies = _movies(items.with_columns(genres.alias("genres")))
    date = items["release_date"].str.to_datetime("%d-%b-%Y", time_unit="ms", strict=False)
    return movies.with_columns(date.alias("released"))


def _movies(items: pl.DataFrame) -> pl.DataFrame:
    """Return item_id, title, genres (list) and year; what is not known is null."""
    genres = pl.col("genres").replace({"": None, "(no genres listed)": None}).str.split("|")
    year = pl.col("title").str.extract(r".*\((\d{4})\)").cast(pl.Int64)
    return items.select("item_id", pl.col("title").replace({"unknown": None}), genres, year.alias("year"))


def _people(users: pl.DataFrame) -> pl.DataFrame:
    return users.select("user_id", pl.col("age").cast(pl.Float64), "gender", "occupation", "zip")
