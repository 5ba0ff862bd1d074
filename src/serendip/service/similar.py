"""The items most like one."""

import numpy as np

from serendip.models.contract import Similar
from serendip.service.answer import Recommended, SimilarItems
from serendip.service.asked import request_id
from serendip.service.live import Live


def similar(live: Live, item_id: str, k: int) -> SimilarItems:
    """Return the k items most like one; none for an item that is newer than the model.

    Raises:
        NotFound: there is no such item.
    """
    catalogue, item = live.catalogue, live.catalogue.find(item_id)
    items: list[Recommended] = []
    if isinstance(live.alike, Similar) and item < live.pipeline.model.n_items:
        got = live.alike.similar(np.array([item], np.int32), k)
        items = [Recommended(catalogue.id(i), catalogue.title(i), s)
                 for i, s in zip(got.item[0].tolist(), got.score[0].tolist(), strict=True) if i >= 0]  # fmt: skip
    return SimilarItems(item_id, catalogue.title(item), items, live.version, request_id())
