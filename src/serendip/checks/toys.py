"""Small data sets with known answers."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from serendip.arrays import I32, ItemLists, offsets
from serendip.data.dataset import Dataset
from serendip.data.interactions import DAY, InteractionRules
from serendip.data.tables import Tables

RULES = InteractionRules(threshold=3.0)
WORDS = ("red lamp", "blue chair", "green kettle", "oak table")
START = 1_700_000_000_000  # ms


@dataclass(frozen=True)
class Toy:
    """A data set, and what was withheld from each of its users."""

    data: Dataset
    withheld: ItemLists


def tables(user: I32, item: I32, rating: I32, genres: list[list[int]], prefix: str = "") -> Tables:
    """Return the tables of index columns; `genres` are what each item's features tell of it."""
    n, kind = len(user), [of[0] for of in genres]
    items = pl.DataFrame(
        {
            "item_id": [f"{prefix}i{i}" for i in range(len(kind))],
            "title": [f"{WORDS[k % len(WORDS)]} {i}" for i, k in enumerate(kind)],
            "genres": [[f"genre {g}" for g in of] for of in genres],
            "price": [float(5 + 20 * k) if i % 7 else None for i, k in enumerate(kind)],
        }
    )
    users = pl.DataFrame(
        {
            "user_id": [f"{prefix}u{u}" for u in range(int(user.max(initial=-1)) + 1)],
            "age": [20.0 + 10 * (u % 2) for u in range(int(user.max(initial=-1)) + 1)],
        }
    )
    events = pl.DataFrame(
        {
            "user_id": [f"{prefix}u{u}" for u in user],
            "item_id": [f"{prefix}i{i}" for i in item],
            "value": rating.astype(np.float64),
            "timestamp": START + np.arange(n, dtype=np.int64) * (DAY // 8),
            "type": pl.Series(["rating"] * n, dtype=pl.String),
        }
    )
    return Tables(events, items, users)


def checkerboard(n: int = 24, prefix: str = "") -> Toy:
    """Users like the items of their own parity, 5 of 5, and dislike some of the others; one liked item is withheld."""
    generator = np.random.default_rng(7)
    user, item = np.divmod(np.arange(n * n), n)
    liked = (user + item) % 2 == 0
    out = item == user  # of the user's parity
    keep = ~out & (liked | (generator.random(n * n) < 0.4))
    order = generator.permutation(np.flatnonzero(keep))
    rating = np.where(liked[order], 5, 1).astype(np.int32)
    genres = [[i % 2] for i in range(n)]
    made = tables(user[order].astype(np.int32), item[order].astype(np.int32), rating, genres, prefix)
    data = Dataset.of(Tables(made.events, made.items.sample(fraction=1, shuffle=True, seed=3), made.users), RULES)
    at = data.items.index([f"{prefix}i{u.removeprefix(f'{prefix}u')}" for u in data.users.series])
    return Toy(data, ItemLists.table(at[:, None]))


def planted(n_users: int = 300, n_items: int = 120, rank: int = 4, seen: int = 14, later: int = 4) -> Toy:
    """Tastes of low rank over items of uneven popularity; the last choices of each user are withheld."""
    generator = np.random.default_rng(11)
    taste = generator.standard_normal((n_users, rank)) * 2.0
    kind = generator.standard_normal((n_items, rank))
    utility = taste @ kind.T + generator.standard_normal(n_items) * 0.8  # (n_users, n_items)
    chosen = np.argsort(-(utility + generator.gumbel(size=utility.shape)), axis=1)[:, : seen + later]
    chosen = generator.permuted(chosen, axis=1)
    user = np.repeat(np.arange(n_users), seen + later)
    item = chosen.ravel()
    scale = np.quantile(utility, [0.5, 0.7, 0.85, 0.95])
    rating = 1 + np.searchsorted(scale, utility[user, item])
    first = np.tile(np.arange(seen + later), n_users) < seen
    strongest = np.argsort(-np.abs(kind), axis=1)[:, :2]  # (n_items, 2)
    sign = np.take_along_axis(kind, strongest, axis=1) > 0
    genres: list[list[int]] = (2 * strongest + sign).tolist()
    train = user[first].astype(np.int32), item[first].astype(np.int32), np.maximum(rating[first], 3).astype(np.int32)
    made = tables(*train, genres)
    data = Dataset.of(made, RULES)
    who = data.users.index([f"u{u}" for u in user[~first]])
    what = data.items.index([f"i{i}" for i in item[~first]])
    order = np.argsort(who, kind="stable")
    return Toy(data, ItemLists(offsets(np.bincount(who, minlength=data.n_users)), what[order]))
