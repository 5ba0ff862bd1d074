"""What a recommender answers: the same plain data for the command line and for HTTP."""

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
    """Where one score came from: the contributions sum to it."""

    user_id: str | None
    item_id: str
    title: str
    score: float | None
    contributions: list[Because]
    model: str
    reason: str


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


def plain(answer: msgspec.Struct) -> str:
    """Return an answer as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()
