"""Business rules: put, removed, listed; checked against the catalogue before they are written."""

import time
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from serendip.errors import NotFound, UserError, nearest
from serendip.pipeline.rules import Rule, ruled
from serendip.service.answer import RuleEntry
from serendip.store.rulebook import Entry
from serendip.store.store import Store


def put(
    store: Store, name: str, table: Mapping[str, Any], who: str, pipelines: Collection[str] = ()
) -> RuleEntry:  # fmt: skip
    """Let a rule hold from the next answer on; return its line of the book. The same again changes nothing.

    pipelines: the names that there are; none given: any may be named.

    Raises:
        UserError: it cannot be a rule, or it speaks of an attribute, an item or a pipeline that there is not.
    """
    rule = Rule.of(name, table)
    for one in rule.pipelines if pipelines else ():
        if one not in pipelines:
            raise UserError(f"rule {name!r}: there is no pipeline {one!r}{nearest(one, pipelines)}")
    plain = rule.plain()
    old = store.rulebook.holding().get(name)
    if old is not None and old.rule == plain:
        return shown(old)
    check(store, rule)
    return shown(store.rulebook.write(name, plain, who))


def check(store: Store, rule: Rule) -> None:
    """Raise a UserError where a rule speaks of what is not there."""
    always = Rule.of(rule.name, {**rule.plain(), "starts": None, "ends": None, "pipelines": []})
    found = ruled([always], store.item_features(), len(store.items()), store.find_item, now(), "")
    if found.faults:
        raise UserError(found.faults[0].replace(" is not at work", "", 1))


def remove(store: Store, name: str, who: str) -> RuleEntry:
    """Let a rule hold no longer.

    Raises:
        NotFound: there is no rule of that name.
    """
    known = store.rulebook.holding()
    if name not in known:
        raise NotFound(f"there is no rule {name!r}{nearest(name, known)}")
    return shown(store.rulebook.write(name, None, who))


def listed(store: Store) -> list[RuleEntry]:
    """Return the rules that there are, in the order in which they were last written."""
    return [shown(entry) for entry in store.rulebook.holding().values()]


def history(store: Store) -> list[RuleEntry]:
    """Return the whole book: who said what and when, the oldest first."""
    now_ = {entry.version for entry in store.rulebook.holding().values()}
    return [msgspec.structs.replace(one, holds=one.holds and one.version in now_)
            for one in map(shown, store.rulebook.history())]  # fmt: skip


def shown(entry: Entry) -> RuleEntry:
    """Return a line of the book as it is told."""
    holds = False
    if entry.rule is not None:
        rule = Rule.of(entry.name, entry.rule)
        holds = rule.holds(now(), rule.pipelines[0] if rule.pipelines else "")
    return RuleEntry(entry.version, entry.timestamp, entry.who, entry.name, entry.rule, holds)


def now() -> int:
    """Return the time in ms since 1970."""
    return time.time_ns() // 1_000_000
