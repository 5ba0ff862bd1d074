from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.split import at_random, by_time, folds, held_out_users, last_out, last_share, split
from serendip.data.tables import Tables
from serendip.errors import UserError


def made(counts: list[int], timed: bool = True) -> Dataset:
    user = [f"u{u}" for u, n in enumerate(counts) for _ in range(n)]
    item = [f"i{i}" for n in counts for i in range(n)]
    events = pl.DataFrame({"user_id": user, "item_id": item})
    if timed:
        events = events.with_columns(timestamp=pl.Series(np.random.default_rng(0).permutation(len(user)) + 1000))
    return Dataset.of(Tables(events))


def rows(data: Dataset) -> list[tuple[int, int]]:
    return sorted(zip(data.user.tolist(), data.item.tolist(), strict=True))


@pytest.mark.parametrize("how", ["time", "last-out", "last-share", "random"])
def test_every_event_is_in_one_part(how: str) -> None:
    data = made([5, 1, 9, 3])
    parts = split(data, how)
    assert sorted(rows(parts.train) + rows(parts.test)) == rows(data)
    assert parts.train.users is parts.test.users is data.users


def test_by_time_withholds_all_that_came_later() -> None:
    parts = by_time(made([10, 20, 30]), 0.25)
    assert parts.train.timestamp is not None and parts.test.timestamp is not None and parts.cutoff is not None
    assert parts.train.timestamp.max() < parts.cutoff <= parts.test.timestamp.min()
    assert len(parts.test) == 15


def test_a_tie_at_the_cut_goes_to_one_side() -> None:
    events = pl.DataFrame(
        {"user_id": ["a"] * 6, "item_id": [f"i{n}" for n in range(6)], "timestamp": [1, 1, 2, 2, 2, 2]}
    )
    parts = by_time(Dataset.of(Tables(events)), 0.5)
    assert len(parts.train) == 2


def test_last_out_takes_the_last_of_each() -> None:
    data = made([5, 1, 3])
    parts = last_out(data)
    assert np.bincount(parts.test.user, minlength=3).tolist() == [1, 0, 1]
    for user in (0, 2):
        own = data.timestamp[data.user == user] if data.timestamp is not None else np.empty(0)
        assert parts.test.timestamp is not None and parts.test.timestamp[parts.test.user == user][0] == own.max()


def test_last_share_takes_at_least_one() -> None:
    assert np.bincount(last_share(made([10, 2, 1]), 0.2).test.user, minlength=3).tolist() == [2, 1, 0]


def test_folds_withhold_each_event_once() -> None:
    data = made([5, 6])
    assert sorted(pair for fold in folds(data, 4) for pair in rows(fold.test)) == rows(data)


def test_held_out_users_bring_a_history_that_was_not_learned() -> None:
    parts = held_out_users(made([6] * 20), 0.25, seed=3)
    out = set(parts.test.user.tolist())
    assert len(out) == 5 and out == set(parts.history.user.tolist()) and not out & set(parts.train.user.tolist())


def test_the_latest_users_are_those_who_came_last() -> None:
    data = made([6] * 20, timed=False)
    assert np.unique(split(data, "latest-users", 0.1).test.user).tolist() == [18, 19]
    came = np.repeat(np.roll(np.arange(20), 3), 6) * 10 + np.tile(np.arange(6), 20)  # users 1 and 2 came last
    parts = split(replace(data, timestamp=came.astype(np.int64)), "latest-users", 0.1)
    assert np.unique(parts.history.user).tolist() == [1, 2] and 1 not in parts.train.user


def test_the_seed_decides() -> None:
    data = made([9, 9])
    assert (
        rows(at_random(data, seed=1).test) == rows(at_random(data, seed=1).test) != rows(at_random(data, seed=2).test)
    )


def test_mistakes_are_said() -> None:
    with pytest.raises(UserError, match="no split 'tmie'; did you mean 'time'"):
        split(made([3]), "tmie")
    with pytest.raises(UserError, match="needs timestamps"):
        by_time(made([3], timed=False))
    with pytest.raises(UserError, match="between 0 and 1"):
        by_time(made([3]), 1.5)
    with pytest.raises(UserError, match="2 to 3 folds"):
        list(folds(made([3]), 9))
