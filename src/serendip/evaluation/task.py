"""What models are judged on: who asks, with which history, and what was really taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from serendip.arrays import F32, I32, I64, Bool, ItemLists, offsets
from serendip.data.dataset import Dataset, in_context
from serendip.data.interactions import InteractionRules
from serendip.data.queries import Queries
from serendip.data.split import Split
from serendip.data.tables import Tables
from serendip.errors import UserError


@dataclass(frozen=True)
class Rows:
    """The test rows one by one, grouped by query: query (n,) into the queries, item (n,), -1 where it is unknown."""

    query: I64
    item: I32
    value: F32 | None = None
    label: F32 | None = None
    timestamp: I64 | None = None
    context: Mapping[str, pl.Series] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """B test users and their truth.

    relevant: each user's test items, each once; an index at or beyond train.n_items is an item that the training part
    does not know: it is never found and still counts. A user is asked about at the time and in the context of their
    first test row, a row judged by itself (rows) in its own. exclude: what is not to be recommended, None for nothing.
    candidates: all that may be recommended, less what is excluded; None for the whole catalogue.
    """

    train: Dataset
    queries: Queries
    relevant: ItemLists
    rows: Rows
    exclude: ItemLists | None = None
    candidates: ItemLists | None = None

    def __len__(self) -> int:
        return len(self.queries)

    @cached_property
    def n_relevant(self) -> I64:
        """How many items each user really took, known or not.  # (B,)"""
        return np.diff(self.relevant.offset)

    @cached_property
    def cold(self) -> Bool:
        """Which users bring no history.  # (B,)"""
        cold: Bool = np.diff(self.queries.history.offset) == 0
        return cold

    @staticmethod
    def of(
        train: Dataset,
        test: Dataset,
        *,
        history: Dataset | None = None,
        candidates: tuple[I32, I32] | None = None,
        keep_seen: bool = False,
    ) -> "Task":
        """Return the task of two parts: every user of the test part is asked about once.

        Ids: those of `train` are a prefix of those of `history`, and these of those of `test`; equal tables are fine.
        history: what the test users bring, the training part where it is None. candidates: pairs (user, item) of
        indices; a user without any gets an empty slate. keep_seen: recommend the history's items again. Where a label
        column exists, only rows with a label above 0 are taken, or were.

        Raises:
            UserError: the test part is empty, or no test item is among the candidates.
        """
        if len(test) == 0:
            raise UserError("the test part has no rows: there is nothing to judge a model by")
        user = np.unique(test.user)  # (B,)
        queries = in_context(asked(train, taken(train if history is None else history), user), test, user)
        exclude = None if keep_seen else known_only(queries.history.lists, train.n_items)
        truth = taken(test)
        relevant = lists(np.searchsorted(user, truth.user), truth.item, len(user), test.n_items)
        narrowed = None
        if candidates is not None:
            offered = candidate_lists(user, *candidates, test.n_items)
            if not is_in(relevant, offered).any():
                raise UserError(
                    "no test item stands among its user's candidates: list what the test users took there too"
                )
            narrowed = without(known_only(offered, train.n_items), exclude)
        item = np.where(test.item < train.n_items, test.item, np.int32(-1))
        rows = Rows(np.searchsorted(user, test.user), item, test.value, test.label, test.timestamp, test.context)
        return Task(train, queries, relevant, rows, None if narrowed is not None else exclude, narrowed)

    @staticmethod
    def of_split(split: Split, *, keep_seen: bool = False) -> "Task":
        """Return the task that a split sets."""
        return Task.of(split.train, split.test, history=split.history, keep_seen=keep_seen)

    @staticmethod
    def of_tables(
        train: Tables,
        test: pl.DataFrame,
        rules: InteractionRules,
        *,
        history: pl.DataFrame | None = None,
        candidates: pl.DataFrame | None = None,
        keep_seen: bool = False,
    ) -> "Task":
        """Return the task of tables of events that are split already, ids still text.

        What a model may know are the ids of the training events and of the features, and no others. candidates:
        user_id and item_id.

        Raises:
            UserError: a features table has an id twice, or as `of`.
        """
        data = Dataset.of(train, rules)
        past = None
        if history is not None:
            past = Dataset.of(Tables(history), rules, users=data.users, items=data.items)
        before = data if past is None else past
        asked_for = Dataset.of(Tables(test), rules, users=before.users, items=before.items)
        pairs = None
        if candidates is not None:
            pairs = asked_for.users.index(candidates["user_id"]), asked_for.items.index(candidates["item_id"])
        return Task.of(data, asked_for, history=past, candidates=pairs, keep_seen=keep_seen)


def taken(data: Dataset) -> Dataset:
    """Return the rows of what a user took: all, or, where there are labels, those above 0."""
    return data if data.label is None else data.where(data.label > 0)


def asked(train: Dataset, history: Dataset, user: I32) -> Queries:
    """Return the questions of users, -1 where the training part does not know one, with what they bring."""
    known = np.where(user < train.n_users, user, np.int32(-1))
    if history is train:
        return train.queries(known)
    about = None if train.user_features is None else train.where(np.zeros(len(train), np.bool_)).queries(known)
    return Queries(known, history.queries(user).history, user_features=None if about is None else about.user_features)


def lists(row: I64, item: I32, n_rows: int, n_items: int) -> ItemLists:
    """Return the lists of (row, item) pairs in any order, each pair once, by rising item."""
    pair = np.unique(row.astype(np.int64) * max(n_items, 1) + item)
    row = pair // max(n_items, 1)
    count = np.bincount(row, minlength=n_rows).astype(np.int64)
    return ItemLists(offsets(count), (pair - row * max(n_items, 1)).astype(np.int32))


def known_only(some: ItemLists, n_items: int) -> ItemLists:
    """Return the lists less the items that the training part does not know, each item once."""
    keep = (some.item >= 0) & (some.item < n_items)
    return lists(some.row[keep], some.item[keep], len(some), n_items)


def candidate_lists(user: I32, of: I32, item: I32, n_items: int) -> ItemLists:
    """Return the candidates of each test user out of pairs (of, item), -1 being unknown."""
    row = np.minimum(np.searchsorted(user, of), len(user) - 1)
    keep = (user[row] == of) & (item >= 0)
    return lists(row[keep], item[keep], len(user), n_items)


def without(some: ItemLists, exclude: ItemLists | None) -> ItemLists:
    """Return the lists less what is excluded."""
    return some if exclude is None else some.where(~is_in(some, exclude))


def is_in(some: ItemLists, others: ItemLists) -> Bool:
    """Return whether each item of some lists stands in the other list of the same row.  # (nnz,)"""
    stride = int(max(some.item.max(initial=0), others.item.max(initial=0))) + 1
    return np.isin(some.row * stride + some.item, others.row * stride + others.item)
