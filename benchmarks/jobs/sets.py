"""The sets that jobs are timed on."""

from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix
from synthetic import power_law

from serendip.data.catalogue import load, load_split
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.data.interactions import InteractionRules
from serendip.data.tables import Tables

RULES = InteractionRules(weights={})  # every row weighs 1


@lru_cache
def gowalla_data() -> Dataset:
    """Return the training part of lightgcn-gowalla."""
    return Dataset.of(Tables(load_split("lightgcn-gowalla").train.events.select("user_id", "item_id")), RULES)


@lru_cache
def gowalla_test() -> csr_matrix:
    """Return the test part with the indices of the training part.  # (n_users, n_items)"""
    data = gowalla_data()
    events = load_split("lightgcn-gowalla").test.events
    user, item = data.users.index(events["user_id"]), data.items.index(events["item_id"])
    there = (user >= 0) & (item >= 0)
    user, item = user[there], item[there]
    return csr_matrix((np.ones(len(user), np.float32), (user, item)), shape=(data.n_users, data.n_items))


def gowalla() -> csr_matrix:
    return gowalla_data().matrix


def large() -> csr_matrix:
    return power_law(138_000, 27_000, 21_000_000)


def dataset(x: csr_matrix, *, rated: bool = False) -> Dataset:
    """Return the data set of interactions, its matrix made; rated: with ratings 1 to 5, drawn."""
    users, items = (Ids([str(i) for i in range(n)]) for n in x.shape)
    user = np.repeat(np.arange(x.shape[0], dtype=np.int32), np.diff(x.indptr))
    value = np.random.default_rng(3).integers(1, 6, x.nnz).astype(np.float32) if rated else None
    data = Dataset(users, items, user, x.indices.astype(np.int32), value, rules=RULES)
    data.ratings if rated else data.matrix  # noqa: B018
    return data


@lru_cache
def ratings(name: str, part: int = 0) -> tuple[Dataset, np.ndarray, np.ndarray, np.ndarray]:
    """Return nine tenths of the ratings to learn from, and of the rest users, items and ratings, known ones only.

    part: which tenth is the rest, after a seeded shuffle.
    """
    events = load(name).events.select("user_id", "item_id", "value").sample(fraction=1.0, shuffle=True, seed=0)
    tenth = np.arange(len(events)) * 10 // len(events) == part
    data = Dataset.of(Tables(events.filter(~tenth)))
    rest = events.filter(tenth)
    user, item = data.users.index(rest["user_id"]), data.items.index(rest["item_id"])
    there = (user >= 0) & (item >= 0)
    data.ratings  # noqa: B018
    return data, user[there], item[there], rest["value"].to_numpy()[there].astype(np.float32)
