"""Where one score comes from: contributions that sum to it."""

import numpy as np

from serendip.errors import NotFound
from serendip.pipeline.made import Made, Scored, Term, scored
from serendip.pipeline.retrieve import scores
from serendip.service.answer import Explanation
from serendip.service.live import Live
from serendip.service.reasons import contributions, whys
from serendip.service.slate import now, question
from serendip.service.surfaces import DEFAULT

UNKNOWN = "the model knows nothing of this item"


def explain(live: Live, user_id: str, item_id: str, pipeline: str = DEFAULT) -> Explanation:
    """Return where the score that a pipeline gives to an item for a user comes from: before it is re-ranked.

    Raises:
        NotFound: there is no such user, item or pipeline.
    """
    surface = live.surfaces.at(pipeline, live.pipeline, live.alike, now())
    item = np.array([live.catalogue.find(item_id)], np.int32)
    queries, title = question(live, user_id), live.catalogue.title(int(item[0]))
    if queries.user[0] < 0:
        raise NotFound(f"no user has the id {user_id!r}, so there is nothing to explain")
    part: Scored | None = None
    for model in (surface.ranker, surface.pipeline.fallback):
        score = None if model is None else scores(model, queries, item)[0]
        if model is None or score is None or np.isnan(score[0]):
            continue
        part = scored(item, score, Term(model, queries))
        if model is surface.ranker:
            part = surface.lifted(part)
        break
    if part is None:
        return Explanation(user_id, item_id, title, None, [], live.version, UNKNOWN)
    (because,), (why,) = (
        contributions(part, live.catalogue),
        whys(Made(part, np.zeros(1, np.int8), ()), surface.about, live.catalogue.titles),
    )
    return Explanation(user_id, item_id, title, float(part.score[0]), because, live.version, why)
