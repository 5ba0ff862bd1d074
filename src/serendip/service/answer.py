"""What a recommender answers: the same plain data for the command line and for HTTP."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType


class Because(msgspec.Struct):
    """A part of a score: the history item that it is owed to (none where it is owed to none), and how much."""

    weight: float
    reason: str
    item_id: str | None = None
    title: str | None = None


class Recommended(msgspec.Struct):
    """One position of a slate. score compares within one slate; source: model, fallback, static, catalogue or rule.

    contributions, where asked for: they sum to the score; propensity, where chance took part: the probability that the
    item stood there.
    """

    item_id: str
    title: str
    score: float
    reason: str = ""
    source: str = "model"
    contributions: list[Because] | UnsetType = UNSET
    propensity: float | UnsetType = UNSET


class Event(msgspec.Struct):
    """One past event as a slate's reader sees it. timestamp: ms since 1970."""

    item_id: str
    title: str
    type: str = "interaction"
    value: float | None = None
    timestamp: int | None = None


class Dropped(msgspec.Struct):
    """How many items a stage left out for one reason, and the first of them."""

    reason: str
    count: int
    item_ids: list[str]


class Stage(msgspec.Struct):
    """What a stage of a pipeline did: how many items it let through, and which it left out."""

    stage: str
    kept: int
    dropped: list[Dropped]
    ms: float


class Slate(msgspec.Struct):
    """A slate with what it was made by, and from. trace, where asked for: what each stage left out, and why."""

    items: list[Recommended]
    model: str
    pipeline: str
    request_id: str
    user_id: str | None = None
    known: bool = True
    degraded: str | None = None
    history: list[Event] = []
    timings_ms: dict[str, float] = {}
    trace: list[Stage] | UnsetType = UNSET


class Explanation(msgspec.Struct):
    """Where one score came from: the contributions sum to it. left_out: why no slate of the user's holds the item now,
    null where one may."""

    user_id: str | None
    item_id: str
    title: str
    score: float | None
    contributions: list[Because]
    model: str
    reason: str
    left_out: str | None = None


class SimilarItems(msgspec.Struct):
    """The items most like one."""

    item_id: str
    title: str
    items: list[Recommended]
    model: str
    request_id: str


class Found(msgspec.Struct):
    """A user or an item that a search found."""

    id: str
    title: str


class Became(msgspec.Struct, omit_defaults=True):
    """What became of one event: recorded, repeated, conflict, invalid or opted_out, and why where it says more."""

    status: str
    reason: str | None = None


class Recorded(msgspec.Struct):
    """How many events were new, how many had been recorded before, and what became of each."""

    new: int
    repeated: int
    events: list[Became]


class Failure(msgspec.Struct):
    """What went wrong: a code for programs and a sentence for people."""

    code: str
    message: str


class Status(msgspec.Struct):
    """What became of an entry: created, changed, unchanged, deleted, invalid or not_found; and why it was not taken."""

    id: str
    status: str
    reason: str | None = None


class DescribedItem(msgspec.Struct):
    """What is said of an item. added_at: ms since 1970."""

    item_id: str
    attributes: dict[str, Any]
    hidden: bool = False
    added_at: int | None = None


class DescribedUser(msgspec.Struct):
    """What is said of a user."""

    user_id: str
    attributes: dict[str, Any]


class OptedOut(msgspec.Struct):
    """Whether a user has opted out."""

    user_id: str
    opted_out: bool


class Forgotten(msgspec.Struct):
    """What was erased. models: versions in which the id was replaced; reports: how many files named it."""

    user_id: str
    events: int
    models: list[str]
    reports: int


class Health(msgspec.Struct, omit_defaults=True):
    """Whether the server can answer, and with which model."""

    status: str
    model: str | None = None
    reason: str | None = None


class RuleEntry(msgspec.Struct):
    """A line of the book of rules. version: its number; at: ms since 1970; rule: what it says, null where it removes
    the rule; holds: whether it is at work now."""

    version: int
    at: int
    who: str
    name: str
    rule: dict[str, Any] | None
    holds: bool


class ModelVersion(msgspec.Struct):
    """One version. fitted: UTC, ISO 8601; data: hash of what it was fitted on; value: mean of the metric, if judged."""

    version: str
    algorithm: str
    current: bool
    fitted: str
    data: str
    n_events: int | None = None
    metric: str | None = None
    value: float | None = None
    ci95: list[float | None] | None = None
    form: str | None = None
    megabytes: float = 0.0
    fault: str | None = None


class Judged(msgspec.Struct):
    """One metric of two versions: means, with 95% intervals."""

    metric: str
    a: float | None
    a_ci95: list[float | None] | None
    b: float | None
    b_ci95: list[float | None] | None


class SideBySide(msgspec.Struct):
    """Two versions by what their reports say. note: why their numbers are not to be held against each other."""

    a: ModelVersion
    b: ModelVersion
    metrics: list[Judged]
    note: str | None = None


class Question(msgspec.Struct):
    """A question: whether one likes an item, or things of a tag.

    about: item or tag; id: of the item, or the tag; known: the chance that it can be answered; worth: what the answer
    brings, the best question while nothing is answered being 1.
    """

    about: str
    id: str
    title: str
    known: float
    worth: float


class Questionnaire(msgspec.Struct):
    """What to ask next, and what would be recommended now.

    done: nothing more is to be asked, for `reason`; history: the answers as events to record for the user.
    """

    questions: list[Question]
    done: bool
    reason: str
    answered: int
    history: list[Event]
    items: list[Recommended]
    model: str
    request_id: str


def plain(answer: msgspec.Struct) -> str:
    """Return an answer as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()
