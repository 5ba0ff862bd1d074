"""Ways to withhold a part of the events: what a model learns from, and what it is asked to foresee."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from serendip.arrays import I64, Bool
from serendip.data.dataset import Dataset
from serendip.errors import UserError, nearest


@dataclass(frozen=True)
class Split:
    """train and test share ids; history is what the test users bring (the training rows, unless said otherwise)."""

    train: Dataset
    test: Dataset
    history: Dataset
    name: str
    cutoff: int | None = None  # ms, for splits in time


def parts(data: Dataset, test: Bool, name: str, cutoff: int | None = None) -> Split:
    """Return the split whose test rows are given."""
    train = data.where(~test)
    return Split(train, data.where(test), train, name, cutoff)


def check_share(share: float) -> None:
    """Raise a UserError where a share is not between 0 and 1."""
    if not 0 < share < 1:
        raise UserError(f"the share of the test part is a number between 0 and 1, not {share}")


def by_time(data: Dataset, share: float = 0.2, cutoff: int | None = None) -> Split:
    """Withhold all that happened from one moment on: the last `share` of the events, or from `cutoff` (ms).

    Raises:
        UserError: the events have no timestamps, or all of them the same.
    """
    check_share(share)
    if data.timestamp is None:
        raise UserError("a split in time needs timestamps and the events have none: use the split 'last-share'")
    if cutoff is None:
        cutoff = int(np.quantile(data.timestamp, 1 - share, method="higher")) if len(data) else 0
    test = data.timestamp >= cutoff
    if test.all() or not test.any():
        raise UserError("a split in time needs events at different times and all are at one: use the split 'random'")
    return parts(data, test, "time", cutoff)


def place(data: Dataset) -> tuple[I64, I64]:
    """Return for each row its place in its user's order, from 0, and how many rows the user has.  # (N,), (N,)"""
    count = np.diff(data.offset)
    return np.arange(len(data)) - data.offset[:-1][data.user], count[data.user]


def last_out(data: Dataset, n: int = 1) -> Split:
    """Withhold the last n events of each user who has more than n."""
    at, count = place(data)
    return parts(data, (at >= count - n) & (count > n), "last-out")


def last_share(data: Dataset, share: float = 0.2) -> Split:
    """Withhold the last share of each user's events: at least one where the user has two or more."""
    check_share(share)
    at, count = place(data)
    n = np.where(count > 1, np.maximum(np.rint(count * share), 1), 0)
    return parts(data, at >= count - n, "last-share")


def at_random(data: Dataset, share: float = 0.2, seed: int = 0) -> Split:
    """Withhold a share of the events drawn at random."""
    check_share(share)
    test = np.zeros(len(data), np.bool_)
    test[np.random.default_rng(seed).permutation(len(data))[: round(len(data) * share)]] = True
    return parts(data, test, "random")


def folds(data: Dataset, k: int = 5, seed: int = 0) -> Iterator[Split]:
    """Give k splits; each event is withheld in exactly one of them.

    Raises:
        UserError: k is below 2 or above the number of events.
    """
    if not 2 <= k <= len(data):
        raise UserError(f"cross-validation needs from 2 to {len(data)} folds (as many as there are events), not {k}")
    fold = np.empty(len(data), np.int64)
    fold[np.random.default_rng(seed).permutation(len(data))] = np.arange(len(data)) % k
    for f in range(k):
        yield parts(data, fold == f, f"fold {f + 1} of {k}")


def held_out_users(
    data: Dataset, share: float = 0.2, seen: float = 0.8, seed: int = 0, *, latest: bool = False
) -> Split:
    """Withhold whole users; at test time each brings the first `seen` of the events and is asked for the rest.

    Users are drawn at random, or are those who came last, by their first event or, without times, by their index.
    """
    check_share(share)
    check_share(seen)
    active = np.flatnonzero(np.diff(data.offset) > 1)
    n = max(1, round(len(active) * share))
    out = np.zeros(data.n_users, np.bool_)
    came = active if data.timestamp is None else data.timestamp[data.offset[active]]
    order = np.argsort(-came, kind="stable") if latest else np.random.default_rng(seed).permutation(len(active))
    out[active[order[:n]]] = True
    withheld = out[data.user]
    at, count = place(data)
    early = at < np.clip(np.rint(count * seen), 1, count - 1)
    name = "latest users" if latest else "held-out users"
    return Split(data.where(~withheld), data.where(withheld & ~early), data.where(withheld & early), name)


def split(data: Dataset, how: str = "time", share: float = 0.2, seed: int = 0) -> Split:
    """Return the split of one name: time, last-out, last-share, random, users or latest-users.

    Raises:
        UserError: there is no split of that name.
    """
    match how:
        case "time":
            return by_time(data, share)
        case "last-out":
            return last_out(data)
        case "last-share":
            return last_share(data, share)
        case "random":
            return at_random(data, share, seed)
        case "users":
            return held_out_users(data, share, seed=seed)
        case "latest-users":
            return held_out_users(data, share, latest=True)
    names = ["time", "last-out", "last-share", "random", "users", "latest-users"]
    raise UserError(f"there is no split {how!r}{nearest(how, names)}")
