"""The items most like one."""

import numpy as np

from serendip.arrays import F32, I32
from serendip.models.contract import Similar
from serendip.service.answer import Recommended, SimilarItems
from serendip.service.asked import request_id
from serendip.service.live import Live
from serendip.service.slate import now
from serendip.service.surfaces import DEFAULT


def similar(live: Live, item_id: str, k: int) -> SimilarItems:
    """Return the k items most like one; none for an item of which nothing is known.

    Raises:
        NotFound: there is no such item.
    """
    catalogue, item = live.catalogue, live.catalogue.find(item_id)
    items: list[Recommended] = []
    if isinstance(live.alike, Similar) and item < live.alike.n_items:
        shut = live.surfaces.rules(DEFAULT, now()).shut
        ruled_out = np.flatnonzero(np.False_ if shut is None else shut)
        banned = np.union1d(live.pipeline.banned, ruled_out).astype(np.int32)
        found, score = most_like(live.alike, banned, item, k)
        items = [Recommended(catalogue.id(i), catalogue.title(i), s)
                 for i, s in zip(found.tolist(), score.tolist(), strict=True)]  # fmt: skip
    return SimilarItems(item_id, catalogue.title(item), items, live.version, request_id())


def most_like(alike: Similar, banned: I32, item: int, k: int) -> tuple[I32, F32]:
    """Return the k items most like one that may be shown, and how much.  # (at most k,), the same"""
    ask = k
    while True:
        got = alike.similar(np.array([item], np.int32), ask)
        there = got.item[0] >= 0
        may = there & ~np.isin(got.item[0], banned)
        if np.count_nonzero(may) >= k or not there.all():
            return got.item[0][may][:k], got.score[0][may][:k]
        ask = min(4 * ask, k + len(banned))
