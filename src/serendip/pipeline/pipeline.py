"""A pipeline turns a query into a slate: retrieve, filter, and fill up from the fallback, then the static list."""

from dataclasses import dataclass, field

import numpy as np

from serendip.arrays import I8, I32, I64, ItemLists, offsets
from serendip.data.queries import Queries
from serendip.data.slates import Slates
from serendip.models.contract import Model

STAGES = ("model", "fallback", "static", "catalogue", "rule")  # where a position of a slate came from


@dataclass(frozen=True)
class Pipeline:
    """model, then fallback where the model knows too little, then the static list; never a banned item.

    banned, static: item int32 indices. A pipeline recommends like a model, so it is judged like one.
    """

    model: Model
    fallback: Model | None = None
    banned: I32 = field(default_factory=lambda: np.empty(0, np.int32))
    static: I32 = field(default_factory=lambda: np.empty(0, np.int32))

    def recommend(
        self, queries: Queries, k: int, candidates: ItemLists | None = None, exclude: ItemLists | None = None
    ) -> Slates:
        """Return k items a query, padded with -1 only where the catalogue has no more."""
        return self.traced(queries, k, candidates, exclude)[0]

    def traced(
        self, queries: Queries, k: int, candidates: ItemLists | None = None, exclude: ItemLists | None = None
    ) -> tuple[Slates, I8]:
        """Return the slates, and for each position the index in STAGES of where it came from.  # (B, k)"""
        out = with_banned(exclude, self.banned[self.banned < self.model.n_items], len(queries))
        slates = self.model.recommend(queries, k, candidates, out)
        stage = np.where(slates.item >= 0, 0, -1).astype(np.int8)
        if self.fallback is not None:
            short = np.flatnonzero(slates.filled < k).astype(np.int64)
            if len(short):
                taken = joined(None if out is None else out.rows(short), slates.item[short])
                part = None if candidates is None else candidates.rows(short)
                more = self.fallback.recommend(queries.rows(short), k, part, taken)
                slates, stage = filled_up(slates, stage, short, more, 1)
        short = np.flatnonzero(slates.filled < k).astype(np.int64)
        if len(short) and len(self.static) and candidates is None:
            taken = joined(None if out is None else out.rows(short), slates.item[short])
            more = static_slates(self.static, taken, k)
            slates, stage = filled_up(slates, stage, short, more, 2)
        return slates, stage


def with_banned(exclude: ItemLists | None, banned: I32, n: int) -> ItemLists | None:
    """Return what each of n queries leaves out, with the banned items added."""
    if not len(banned):
        return exclude
    return joined(exclude, np.broadcast_to(banned, (n, len(banned))))


def joined(lists: ItemLists | None, more: I32) -> ItemLists:
    """Return the lists with the rows of a table added to them; -1 is padding.  # more (B, m)"""
    present = more >= 0
    added = ItemLists(offsets(np.count_nonzero(present, axis=1)), more[present])
    if lists is None:
        return added
    count = np.diff(lists.offset) + np.diff(added.offset)
    order = np.argsort(np.concatenate([lists.row, added.row]), kind="stable")
    return ItemLists(offsets(count), np.concatenate([lists.item, added.item])[order].astype(np.int32))


def filled_up(slates: Slates, stage: I8, rows: I64, more: Slates, which: int) -> tuple[Slates, I8]:
    """Return slates whose given rows go on with the items of `more`; items of `more` are not yet in them."""
    item, score, stage = slates.item.copy(), slates.score.copy(), stage.copy()
    k = item.shape[1]
    empty = np.arange(k) >= slates.filled[rows][:, None]  # (b, k)
    there = np.arange(k) < np.minimum(k - slates.filled[rows], more.filled)[:, None]
    at_row, at_column = np.nonzero(empty)
    room = at_column - slates.filled[rows][at_row]  # place in `more`
    use = there[at_row, room]
    at_row, at_column, room = at_row[use], at_column[use], room[use]
    item[rows[at_row], at_column] = more.item[at_row, room]
    score[rows[at_row], at_column] = more.score[at_row, room]
    stage[rows[at_row], at_column] = which
    return Slates(item, score), stage


def static_slates(static: I32, exclude: ItemLists, k: int) -> Slates:
    """Return the static list for each query, less what it leaves out; its items score 0."""
    item = np.full((len(exclude), k), -1, np.int32)
    for b in range(len(exclude)):
        left = static[~np.isin(static, exclude[b])][:k]
        item[b, : len(left)] = left
    return Slates(item, np.where(item >= 0, np.float32(0), np.float32(np.nan)))
