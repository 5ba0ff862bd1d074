"""The routes of a server, each said once for both clients: its parameters, what it sends and what it answers."""

import uuid
from collections.abc import Mapping, Sequence

from serendip.client.ask import Ask, json, many, path
from serendip.errors import UserError
from serendip.service.answer import (
    DescribedItem,
    DescribedUser,
    Explanation,
    Forgotten,
    Found,
    ModelVersion,
    OptedOut,
    Questionnaire,
    Recorded,
    RuleEntry,
    SideBySide,
    SimilarItems,
    Slate,
    Status,
)

MOST = 1000  # events or entries of one request
Id = str | int
Context = Mapping[str, str | int | float | bool | None]


def recommend(
    user_id: Id, k: int | None = None, *, history: bool = False, context: Context | None = None,
    pipeline: str | None = None, trace: bool = False, contributions: bool = False,
) -> Ask[Slate]:  # fmt: skip
    """Return a user's slate.

    history: with the user's last events; pipeline: the name of one; trace: with what each stage left out;
    contributions: with what each score is made of.
    """
    told = {f"context.{name}": value for name, value in (context or {}).items()}
    asked = {"history": history or None, "trace": trace or None, "contributions": contributions or None}
    return Ask("GET", path("users", user_id, "recommendations", k=k, pipeline=pipeline, **asked, **told), Slate)


def recommend_for(
    history: Sequence[Id | Mapping[str, object]] = (), k: int | None = None, *, user_id: Id | None = None,
    item_id: Id | None = None, exclude: Sequence[Id] = (), context: Context | None = None,
    pipeline: str | None = None, trace: bool = False, contributions: bool = False,
) -> Ask[Slate]:  # fmt: skip
    """Return the slate of whoever brings this history: item ids or events, the oldest first.

    user_id: whose session it is, on top of what the store has of the user; item_id: the item whose page it is for.
    """
    body = json(
        history=list(history), k=k, user_id=user_id, item_id=item_id, exclude=list(exclude), context=context,
        pipeline=pipeline, trace=trace, contributions=contributions,
    )  # fmt: skip
    return Ask("POST", path("recommend"), Slate, body)


def recommend_together(
    user_ids: Sequence[Id], k: int | None = None, *, aggregate: str | None = None, exclude: Sequence[Id] = (),
    context: Context | None = None, pipeline: str | None = None, trace: bool = False, contributions: bool = False,
) -> Ask[Slate]:  # fmt: skip
    """Return the slate of a group of up to 50 users. aggregate: average, least-misery or most-pleasure.

    Raises:
        UserError: nobody is named.
    """
    if not user_ids:
        raise UserError("a group has at least one user")
    body = json(
        users=list(user_ids), k=k, aggregate=aggregate, exclude=list(exclude), context=context, pipeline=pipeline,
        trace=trace, contributions=contributions,
    )  # fmt: skip
    return Ask("POST", path("recommend"), Slate, body)


def similar(item_id: Id, k: int | None = None) -> Ask[SimilarItems]:
    """Return the items most like one."""
    return Ask("GET", path("items", item_id, "similar", k=k), SimilarItems)


def explain(user_id: Id, item_id: Id, *, pipeline: str | None = None) -> Ask[Explanation]:
    """Return the contributions to an item's score."""
    return Ask("GET", path("users", user_id, "explanations", item_id, pipeline=pipeline), Explanation)


def onboarding(
    *, like: Sequence[Id] = (), dislike: Sequence[Id] = (), unknown: Sequence[Id] = (), like_tag: Sequence[str] = (),
    dislike_tag: Sequence[str] = (), unknown_tag: Sequence[str] = (), user_id: Id | None = None,
    n: int | None = None, k: int | None = None,
) -> Ask[Questionnaire]:  # fmt: skip
    """Return what to ask a newcomer after these answers, n questions at once, and a slate of k items."""
    said = {
        "like": list(like), "dislike": list(dislike), "unknown": list(unknown), "like_tag": list(like_tag),
        "dislike_tag": list(dislike_tag), "unknown_tag": list(unknown_tag),
    }  # fmt: skip
    return Ask("GET", path("onboarding", **said, user_id=user_id, n=n, k=k), Questionnaire)


def record(events: Sequence[Mapping[str, object]]) -> Ask[Recorded]:
    """Record up to 1,000 events, each once however often they are sent; they are on disk when this returns.

    Each without an event_id gets one now, so that a repetition is known for what it is.

    Raises:
        UserError: there are more than a request may hold.
    """
    fits(len(events), "events")
    sent = [{"event_id": uuid.uuid4().hex} | {n: v for n, v in one.items() if v is not None} for one in events]
    return Ask("POST", path("events"), Recorded, many(sent))


def items(text: str, k: int | None = None) -> Ask[list[Found]]:
    """Return items whose id begins with a text, or whose attributes hold its words."""
    return Ask("GET", path("items", q=text, k=k), list[Found])


def item(item_id: Id) -> Ask[DescribedItem]:
    """Return what is said of an item."""
    return Ask("GET", path("items", item_id), DescribedItem)


def put_item(item_id: Id, attributes: Mapping[str, object], *, hidden: bool | None = None) -> Ask[Status]:
    """Make an item, or replace all that is said of it."""
    return Ask("PUT", path("items", item_id), Status, json(attributes=attributes, hidden=hidden))


def change_item(
    item_id: Id, attributes: Mapping[str, object] | None = None, *, hidden: bool | None = None
) -> Ask[Status]:
    """Change what is named of an item that is there; None takes an attribute away. hidden: whether it is shown."""
    return Ask("PATCH", path("items", item_id), Status, json(attributes=attributes, hidden=hidden))


def delete_item(item_id: Id) -> Ask[Status]:
    """Take an item out of the catalogue: it is shown no more; what users did with it stays."""
    return Ask("DELETE", path("items", item_id), Status)


def put_items(entries: Sequence[Mapping[str, object]]) -> Ask[list[Status]]:
    """Make, change or delete up to 1,000 items: an item_id each, with attributes, hidden or deleted.

    Raises:
        UserError: there are more than a request may hold.
    """
    fits(len(entries), "items")
    return Ask("POST", path("items"), list[Status], many(entries))


def users(text: str, k: int | None = None) -> Ask[list[Found]]:
    """Return users whose id begins with a text."""
    return Ask("GET", path("users", q=text, k=k), list[Found])


def user(user_id: Id) -> Ask[DescribedUser]:
    """Return what is said of a user."""
    return Ask("GET", path("users", user_id), DescribedUser)


def put_user(user_id: Id, attributes: Mapping[str, object]) -> Ask[Status]:
    """Make a user, or replace all that is said of one."""
    return Ask("PUT", path("users", user_id), Status, json(attributes=attributes))


def change_user(user_id: Id, attributes: Mapping[str, object]) -> Ask[Status]:
    """Change what is named of a user that is there; None takes an attribute away."""
    return Ask("PATCH", path("users", user_id), Status, json(attributes=attributes))


def put_users(entries: Sequence[Mapping[str, object]]) -> Ask[list[Status]]:
    """Make or change up to 1,000 users: a user_id each, with attributes.

    Raises:
        UserError: there are more than a request may hold.
    """
    fits(len(entries), "users")
    return Ask("POST", path("users"), list[Status], many(entries))


def forget(user_id: Id) -> Ask[Forgotten]:
    """Erase a user: events, attributes, slates, the id in every model and report. There is no way back."""
    return Ask("DELETE", path("users", user_id), Forgotten)


def opt_out(user_id: Id) -> Ask[OptedOut]:
    """Record, learn and use nothing of a user from now on, known or not."""
    return Ask("PUT", path("users", user_id, "opt-out"), OptedOut)


def opt_in(user_id: Id) -> Ask[OptedOut]:
    """Take an opting out back: what was recorded before counts again."""
    return Ask("DELETE", path("users", user_id, "opt-out"), OptedOut)


def rules() -> Ask[list[RuleEntry]]:
    """Return the business rules that there are."""
    return Ask("GET", path("rules"), list[RuleEntry])


def rule_history() -> Ask[list[RuleEntry]]:
    """Return the book of rules: who said what and when, the oldest first."""
    return Ask("GET", path("rules", "history"), list[RuleEntry])


def put_rule(name: str, rule: Mapping[str, object]) -> Ask[RuleEntry]:
    """Let a rule hold from the next answer on, as {"kind": "exclude", "when": "price > 50"}."""
    return Ask("PUT", path("rules", name), RuleEntry, json(**rule))


def delete_rule(name: str) -> Ask[RuleEntry]:
    """Let a rule hold no longer; the book keeps what it said."""
    return Ask("DELETE", path("rules", name), RuleEntry)


def models() -> Ask[list[ModelVersion]]:
    """Return every model version, the newest first."""
    return Ask("GET", path("models"), list[ModelVersion])


def promote(version: str) -> Ask[ModelVersion]:
    """Let a version serve, once it has answered its golden requests."""
    return Ask("POST", path("models", version, "promote"), ModelVersion)


def roll_back() -> Ask[ModelVersion]:
    """Let the version serve that served before. It is asked for once: a repetition would go back further."""
    return Ask("POST", path("models", "rollback"), ModelVersion, once=True)


def compare(version: str, other: str) -> Ask[SideBySide]:
    """Return what the reports of two versions say."""
    return Ask("GET", path("models", version, "compare", other), SideBySide)


def fits(n: int, what: str) -> None:
    """Raise a UserError where one request cannot hold so many."""
    if n > MOST:
        raise UserError(f"a request takes at most {MOST} {what}, not {n}: send them in parts")
