"""An onboarding questionnaire: what to ask a newcomer next, and the slate so far."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from serendip.arrays import I32, ItemLists
from serendip.config import Onboarding as Settings
from serendip.data.queries import Queries
from serendip.errors import UserError
from serendip.models.classes import answered
from serendip.pipeline.onboarding import DISLIKE, LIKE, UNKNOWN, Onboarding, blended
from serendip.service.answer import Event, Question, Questionnaire, Recommended
from serendip.service.asked import request_id
from serendip.service.history import brought, history_of
from serendip.service.live import Live
from serendip.service.reasons import reasons

POOL = 200  # items of the recommender and of the classes, each, that a slate is chosen from


@dataclass(frozen=True)
class Said:
    """Answers: ids of items, and tags, with LIKE, DISLIKE or UNKNOWN each. user_id: who it is, if that is known."""

    items: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, int] = field(default_factory=dict)
    user_id: str | None = None


def answers_of(like: Iterable[str], dislike: Iterable[str], unknown: Iterable[str]) -> dict[str, int]:
    """Return id -> answer; an id that is there twice has its last answer."""
    return {id_: answer for ids, answer in ((like, LIKE), (dislike, DISLIKE), (unknown, UNKNOWN)) for id_ in ids}


def questionnaire(live: Live, said: Said, settings: Settings, *, n: int = 1, k: int = 10) -> Questionnaire:
    """Return the n best questions after what was said, none where asking no longer pays, and a slate of k items.

    What the store has of `user_id` counts as said. Items that nobody knows are passed over.

    Raises:
        NotFound: there is no such tag.
        UserError: the model that serves was trained without questions.
    """
    chooser = chosen(live, settings.about)
    answers, queries = read(live, chooser, said)
    asked = len(said.items) + len(said.tags)
    rows, worth = chooser.next(answers, min(n, max(settings.questions - asked, 0)))
    pays = worth >= settings.worth
    rows, worth, reason = rows[pays], worth[pays], ""
    if not len(rows):
        reason = (
            f"{asked} questions are enough" if asked >= settings.questions else "another answer would change little"
        )
    p = chooser.posterior(answers)
    known = chooser.classes.knows[rows] @ p
    questions = [
        question(live, chooser, int(row), float(share), float(value))
        for row, share, value in zip(rows, known, worth, strict=True)
    ]
    return Questionnaire(
        questions, not len(rows), reason, asked, events(said, live), slate(live, chooser, answers, queries, k),
        live.version, request_id(),
    )  # fmt: skip


def chosen(live: Live, about: str) -> Onboarding:
    """Return what chooses the questions of a model that serves.

    Raises:
        UserError: it was trained without questions.
    """
    if live.classes is None:
        raise UserError(
            f"model {live.version} was trained without questions: set [onboarding] questions above 0 and train again"
        )
    return Onboarding(live.classes, about != "items", about != "tags", live.pipeline.banned)


def read(live: Live, chooser: Onboarding, said: Said) -> tuple[dict[int, int], Queries]:
    """Return the answers by row of the classes, and what is liked as the question that a recommender is asked.

    Raises:
        NotFound: there is no such tag.
    """
    model, user = chooser.classes, -1 if said.user_id is None else live.store.find_user(said.user_id)
    past = history_of(live, user)
    known, liked = answered(past, model.rules, model.n_items)
    answers = {int(i): DISLIKE for i in known.indices} | {int(i): LIKE for i in liked.indices}
    found = [(live.catalogue.get(item_id), answer) for item_id, answer in said.items.items()]
    answers |= {item: answer for item, answer in found if 0 <= item < model.n_items}
    for tag, answer in said.tags.items():
        answers[model.n_items + model.tags.find(tag, "tag")] = answer
    likes = [item for item, answer in answers.items() if answer == LIKE and item < model.n_items]
    return answers, Queries(np.array([-1], np.int32), brought(live, [Event(live.catalogue.id(i), "") for i in likes]))


def question(live: Live, chooser: Onboarding, row: int, known: float, worth: float) -> Question:
    """Return the question of a row of the classes."""
    model = chooser.classes
    if row >= model.n_items:
        tag = model.tags[row - model.n_items]
        return Question("tag", tag, tag, round(known, 4), round(worth, 4))
    return Question("item", live.catalogue.id(row), live.catalogue.title(row), round(known, 4), round(worth, 4))


def events(said: Said, live: Live) -> list[Event]:
    """Return the answers about items as events: a like or a dislike each; what is not known is none."""
    kinds = {LIKE: "like", DISLIKE: "dislike"}
    return [
        Event(item_id, live.catalogue.title(live.catalogue.get(item_id)), kinds[answer])
        for item_id, answer in said.items.items()
        if answer in kinds and live.catalogue.get(item_id) >= 0
    ]


def slate(live: Live, chooser: Onboarding, answers: dict[int, int], queries: Queries, k: int) -> list[Recommended]:
    """Return k items: the recommender's best by the liked ones and the classes' best, in the order of both scores."""
    model, pipeline = chooser.classes, live.pipeline
    out = np.union1d([row for row in answers if row < model.n_items], pipeline.banned).astype(np.int32)
    wanted = model.expected(chooser.posterior(answers)[None, :])[0]  # (n_items,)
    newer = np.full(max(pipeline.model.n_items - len(wanted), 0), np.nan, np.float32)  # since the training
    wanted = np.append(wanted, newer)
    wanted[out[out < len(wanted)]] = np.nan
    likely = np.argsort(-wanted, kind="stable")[: min(POOL, int(np.isfinite(wanted).sum()))].astype(np.int32)
    out = out[out < pipeline.model.n_items]  # an item may be newer than the model
    found = pipeline.model.recommend(queries, POOL, exclude=ItemLists.table(out[None])).item[0]
    item: I32 = np.union1d(likely, found[found >= 0]).astype(np.int32)
    if not len(item):
        return []
    score = blended(pipeline.model.score(queries, item[None, :])[0], wanted[item], model.unit)
    order = np.lexsort((pipeline.model.items.tie[item], -score))[:k]
    first = np.zeros(len(order), np.int64)
    words = reasons(pipeline.model, queries, item[order], first, live.catalogue.titles)
    said = words if len(queries.history.item) else [""] * k
    return [
        Recommended(live.catalogue.id(i), live.catalogue.title(i), float(s), reason)
        for i, s, reason in zip(item[order].tolist(), score[order], said, strict=False)
    ]
