"""Where one score comes from: contributions that sum to it."""

import numpy as np

from serendip.data.queries import Queries
from serendip.errors import NotFound
from serendip.models.contract import Explains, Model
from serendip.service.answer import Because, Explanation
from serendip.service.history import history_of
from serendip.service.live import Live
from serendip.service.reasons import reasons


def explain(live: Live, user_id: str, item_id: str) -> Explanation:
    """Return where the score of an item for a user comes from.

    Raises:
        NotFound: there is no such user or item.
    """
    user, item = live.store.find_user(user_id), live.catalogue.find(item_id)
    if user < 0:
        raise NotFound(f"no user has the id {user_id!r}, so there is nothing to explain")
    queries, asked = Queries(np.array([user], np.int32), history_of(live, user)), np.array([item], np.int32)
    catalogue, pipeline = live.catalogue, live.pipeline
    model: Model = pipeline.model
    score = model.score(queries, asked[:, None])[0, 0] if item < model.n_items else np.float32(np.nan)
    if np.isnan(score) and pipeline.fallback is not None and item < model.n_items:
        model = pipeline.fallback
        score = model.score(queries, asked[:, None])[0, 0]
    title = catalogue.title(item)
    if np.isnan(score) or not isinstance(model, Explains):
        told = None if np.isnan(score) else float(score)
        return Explanation(user_id, item_id, title, told, [], live.version, "the model knows nothing of this item")
    parts = model.explain(queries, asked)
    because = []
    for p in np.argsort(-np.abs(parts.weight), kind="stable").tolist():
        owed = int(parts.item[p])
        named = (catalogue.id(owed), catalogue.title(owed)) if owed >= 0 else (None, None)
        because.append(Because(float(parts.weight[p]), parts.reasons[parts.reason[p]], *named))
    why = reasons(model, queries, asked, np.zeros(1, np.int64), catalogue.titles)[0]
    return Explanation(user_id, item_id, title, float(score), because, live.version, why)
