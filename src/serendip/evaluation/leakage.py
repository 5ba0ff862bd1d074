"""What would make a result look better than it is, or worse: traces of one part of a split in the other."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from serendip.arrays import I64, Bool
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids

SHOWN = 3  # examples
ALIKE = 0.99  # of the users have a value of their own: it is as good as an id
FEW = 20  # users below which nothing is said of a column
NAMES = ("id", "number", "_no", "_nr", "code", "key", "hash", "ean", "isbn", "sku")  # of numbers that are codes
OF_USERS = r"^\S*$"  # a text without a space: an e-mail, a hash
OF_ITEMS = r"^[\p{L}\p{N}_]*$|^[0-9A-Fa-f-]*$"  # one word, or a hash in groups: parts of an address say what is alike


@dataclass(frozen=True)
class Leak:
    """One finding: what kind, how many, of how many, and a sentence with examples."""

    kind: str
    count: int
    of: int
    sentence: str

    def __str__(self) -> str:
        return self.sentence


def leaks(train: Dataset, test: Dataset, history: Dataset | None = None) -> tuple[Leak, ...]:
    """Return what is suspicious of two parts whose ids share one table or extend it; the gravest first.

    history: what the test users bring, the training part where it is None.
    """
    past = train if history is None else history
    found = [
        *of_features(train),
        of_order(past, test),
        of_ties(past, test),
        of_pairs(past, test),
        of_items(train, test),
    ]
    return tuple(one for one in found if one is not None)


def examples(ids: Iterable[str]) -> str:
    """Return some ids in brackets, the first three of them."""
    some = list(ids)
    return f"({', '.join(some[:SHOWN])}{', ...' if len(some) > SHOWN else ''})"


def of_items(train: Dataset, test: Dataset) -> Leak | None:
    """Find items that appear only after the cut."""
    known = np.zeros(test.n_items, np.bool_)
    known[train.item] = True
    late = ~known[test.item]
    if not late.any():
        return None
    items = np.unique(test.item[late])
    return Leak("new items", len(items), len(np.unique(test.item)), (
        f"{len(items):,} of {len(np.unique(test.item)):,} test items appear only in the test part, in "
        f"{late.mean():.1%} of its events {examples(test.items[int(i)] for i in items[: SHOWN + 1])}: what learns from "
        "events cannot find them"
    ))  # fmt: skip


def of_pairs(past: Dataset, test: Dataset) -> Leak | None:
    """Find pairs of a user and an item that stand on both sides."""
    n = test.n_items
    mine = test.user.astype(np.int64) * n + test.item
    again = np.isin(mine, past.user.astype(np.int64) * n + past.item)
    if not again.any():
        return None
    pairs = np.unique(mine[again])
    named = (f"{test.users[int(p // n)]} and {test.items[int(p % n)]}" for p in pairs[: SHOWN + 1])
    return Leak("duplicate pairs", len(pairs), len(np.unique(mine)), (
        f"{len(pairs):,} of {len(np.unique(mine)):,} pairs of user and item in the test part stand in the training "
        f"part too {examples(named)}: they are no test of foresight"
    ))  # fmt: skip


def of_ties(past: Dataset, test: Dataset) -> Leak | None:
    """Find users whose last known event and first test event are at the same moment."""
    both = moments(past, test)
    if both is None:
        return None
    user, last, first = both
    tied = user[last == first]
    if not len(tied):
        return None
    return Leak("tied times", len(tied), len(user), (
        f"{len(tied):,} of {len(user):,} test users have events at one moment on both sides of the split "
        f"{examples(test.users[int(u)] for u in tied[: SHOWN + 1])}: which came first is a guess, and one order or "
        "one form is torn apart"
    ))  # fmt: skip


def of_order(past: Dataset, test: Dataset) -> Leak | None:
    """Find users who bring events that are later than what they are asked to foresee."""
    both = moments(past, test)
    if both is None:
        return None
    user, last, first = both
    late = user[last > first]
    if not len(late):
        return None
    return Leak("the future", len(late), len(user), (
        f"{len(late):,} of {len(user):,} test users have training events later than their first test event "
        f"{examples(test.users[int(u)] for u in late[: SHOWN + 1])}: models know the future"
    ))  # fmt: skip


def moments(past: Dataset, test: Dataset) -> tuple[I64, I64, I64] | None:
    """Return users on both sides, when they were last known and first tested; None where there are no times."""
    if past.timestamp is None or test.timestamp is None or not len(past) or not len(test):
        return None
    n = max(past.n_users, test.n_users)
    last, first = np.full(n, np.iinfo(np.int64).min), np.full(n, np.iinfo(np.int64).max)
    np.maximum.at(last, past.user, past.timestamp)
    np.minimum.at(first, test.user, test.timestamp)
    user = np.intersect1d(past.user, test.user).astype(np.int64)
    return user, last[user], first[user]


def of_features(data: Dataset) -> list[Leak]:
    """Find attributes that are as good as an id: a model may learn them by heart."""
    found = []
    for frame, ids, what in ((data.user_features, data.users, "user"), (data.item_features, data.items, "item")):
        for name in [] if frame is None else frame.columns:
            assert frame is not None
            if identifies(frame[name], ids, OF_USERS if what == "user" else OF_ITEMS):
                some = frame[name].drop_nulls().head(SHOWN + 1).cast(pl.String).to_list()
                found.append(Leak(f"{what} id as a feature", len(ids), len(ids), (
                    f"the attribute {name!r} of {what}s is as good as an id {examples(some)}: leave it out"
                )))  # fmt: skip
    for name, column in data.context.items():
        if context_identifies(column, data):
            some = column.drop_nulls().unique(maintain_order=True).head(SHOWN + 1).cast(pl.String).to_list()
            found.append(Leak("user id as a feature", len(some), data.n_users, (
                f"the context {name!r} tells each user from all others {examples(some)}: leave it out"
            )))  # fmt: skip
    return found


def identifies(column: pl.Series, ids: Ids, code: str) -> bool:
    """Return whether a column of attributes says who: the ids themselves, or codes of nearly everyone's own.

    A code is a text of the pattern `code`, or a whole number under a name like `account_id`.
    """
    if column.dtype.is_nested() or len(ids) < FEW:
        return False
    texts = column.cast(pl.String)
    if bool((texts == ids.series).fill_null(False).mean() > ALIKE):  # type: ignore[operator]
        return True
    given = column.drop_nulls()
    if len(given) < max(FEW, len(ids) / 2) or given.n_unique() <= ALIKE * len(given):
        return False
    if column.dtype.is_integer():
        return column.name.lower().endswith(NAMES)
    return column.dtype == pl.String and int(given.str.contains(code).sum()) > ALIKE * len(given)


def context_identifies(column: pl.Series, data: Dataset) -> bool:
    """Return whether each value of a context column is one user's, and nearly each user has but one."""
    if column.dtype.is_float() or column.dtype.is_nested():
        return False
    pairs = pl.DataFrame({"user": data.user, "value": column}).drop_nulls().unique()
    users = pairs["user"].n_unique()
    some: Bool = np.bincount(data.user, minlength=data.n_users) > 1
    return users >= FEW and int(some.sum()) >= FEW and pairs["value"].n_unique() == len(pairs) <= users / ALIKE
