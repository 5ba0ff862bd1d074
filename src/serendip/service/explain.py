"""Where one score comes from: contributions that sum to it."""

import numpy as np

from serendip.errors import NotFound
from serendip.pipeline.made import Asked, Made, Scored, Term, scored
from serendip.pipeline.retrieve import scores
from serendip.pipeline.surface import Surface
from serendip.service.answer import Explanation
from serendip.service.live import Live
from serendip.service.reasons import contributions, whys
from serendip.service.slate import now, question
from serendip.service.surfaces import DEFAULT

UNKNOWN = "the model knows nothing of this item"
ABSENT = "not available"  # the one reason among those of rules that is none's name
WORDS = {"seen": "in the history already"}  # where a trace has a shorter one


def explain(live: Live, user_id: str, item_id: str, pipeline: str = DEFAULT) -> Explanation:
    """Return where the score that a pipeline gives to an item for a user comes from: before it is re-ranked.

    An item that is left out of the user's slates has a score too, and the reason that it is not shown.

    Raises:
        NotFound: there is no such user, item or pipeline.
    """
    moment = now()
    surface = live.surfaces.at(pipeline, live.pipeline, live.alike, moment)
    item = np.array([live.catalogue.find(item_id)], np.int32)
    queries, title = question(live, user_id), live.catalogue.title(int(item[0]))
    if queries.user[0] < 0:
        raise NotFound(f"no user has the id {user_id!r}, so there is nothing to explain")
    out = left_out(surface, Asked(queries, 1, now=moment), int(item[0]))
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
        return Explanation(user_id, item_id, title, None, [], live.version, UNKNOWN, out)
    (because,), (why,) = (
        contributions(part, live.catalogue),
        whys(Made(part, np.zeros(1, np.int8), ()), surface.about, live.catalogue.titles),
    )
    return Explanation(user_id, item_id, title, float(part.score[0]), because, live.version, why, out)


def left_out(surface: Surface, asked: Asked, item: int) -> str | None:
    """Return why an item cannot be in the slate that is asked for, None where it can."""
    if item in {one.item for one in surface.pins(asked)}:
        return None
    rules = {why for why, _ in surface.ruled.dropped if why != ABSENT}
    for why, items in surface.filtered(asked)[1]:
        if item in items:
            return f"by the rule {why!r}" if why in rules else WORDS.get(why, why)
    return None
