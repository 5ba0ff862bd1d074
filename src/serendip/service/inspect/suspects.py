"""Users who behave like no person: three plain rules, each with the figure that it saw."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from serendip.arrays import I64, Bool
from serendip.data.dataset import Dataset
from serendip.data.interactions import DAY
from serendip.plural import counted
from serendip.service.inspect.figures import dated, resolution, steady

MOST = 20  # users named
OUTLIER = 3.5  # robust standard deviations (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993)
NARROWEST = 0.25  # of a robust deviation of log events a day, so that very even data has no outliers
FASTEST = 120  # events in one minute that no person makes
MOMENTS = 20  # different moments in that minute: one order or one form, stored at one moment, is not speed
SAME = 50  # ratings, all alike
SHARED = 0.05  # of all events under one id
CROWD = 100  # users from which on such a share is odd

RULES = {
    "speed": f"more than {FASTEST} events within a minute, at {MOMENTS} or more moments, by a user whose events a day "
    f"are beyond {OUTLIER} robust standard deviations of the median (in logarithms)",
    "no variance": f"{SAME} or more ratings, all of them the same",
    "many people": f"more than {SHARED:.0%} of all events under one id, in data of {CROWD} users or more",
}


@dataclass(frozen=True)
class Suspect:
    """A user, the rule that names them, their events, and the figure that the rule saw, in words."""

    user_id: str
    rule: str
    events: int
    figure: float
    because: str


@dataclass(frozen=True)
class Suspects:
    """How many users each rule names, and at most 20 of them; `unjudged` says which rule had nothing to go by."""

    found: dict[str, int]
    rules: dict[str, str]
    named: tuple[Suspect, ...]
    unjudged: tuple[str, ...]


def suspects(data: Dataset) -> Suspects:
    """Return the users that a rule names, those with the most events first."""
    count = np.diff(data.offset)
    unjudged = []
    known = dated(data)
    if data.timestamp is None or not known.any():
        unjudged.append("speed: the events have no times")
    elif resolution(data.timestamp[known]) not in ("second", "millisecond"):
        unjudged.append(f"speed: times are whole {resolution(data.timestamp[known])}s")
    if not data.rated.any():
        unjudged.append("no variance: there are no ratings")
    found = [*many_people(data, count), *no_variance(data)]
    if not any(u.startswith("speed") for u in unjudged):
        found += speed(data, count, known)
    found.sort(key=lambda s: (-s.events, s.user_id))
    tally = {rule: sum(s.rule == rule for s in found) for rule in RULES}
    return Suspects(tally, RULES, tuple(found[:MOST]), tuple(unjudged))


def many_people(data: Dataset, count: I64) -> Iterator[Suspect]:
    """Find ids that stand for a crowd: a guest, a placeholder, an internal account."""
    if (count > 0).sum() < CROWD:
        return
    for user in np.flatnonzero(count > SHARED * len(data)):
        share = count[user] / len(data)
        yield Suspect(
            data.users[int(user)], "many people", int(count[user]), float(share), f"{share:.1%} of all events"
        )


def no_variance(data: Dataset) -> Iterator[Suspect]:
    """Find users whose many ratings are all alike."""
    rated = data.rated
    if data.value is None or not rated.any():
        return
    user, value = data.user[rated], data.value[rated]
    start = np.flatnonzero(np.r_[True, user[1:] != user[:-1]])
    n = np.diff(np.r_[start, len(user)])
    same = (np.maximum.reduceat(value, start) == np.minimum.reduceat(value, start)) & (n >= SAME)
    for at in np.flatnonzero(same):
        who = user[start[at]]
        events = int(data.offset[who + 1] - data.offset[who])
        yield Suspect(
            data.users[int(who)], "no variance", events, float(n[at]), f"{n[at]:,} ratings, all {value[start[at]]:g}"
        )


def speed(data: Dataset, count: I64, known: Bool) -> Iterator[Suspect]:
    """Find users who are far more active a day than others and act faster than a person can."""
    assert data.timestamp is not None
    user, at = data.user[known], data.timestamp[known]
    day = at // DAY
    new_day = np.r_[True, (user[1:] != user[:-1]) | (day[1:] != day[:-1])]
    days = np.bincount(user, new_day, data.n_users)
    active = np.flatnonzero(days)
    daily = np.bincount(user, minlength=data.n_users)[active] / days[active]
    middle, spread = steady(np.log(daily))
    for who in active[np.log(daily) > middle + OUTLIER * max(spread, NARROWEST)]:  # a few: the outliers
        when = data.timestamp[data.offset[who] : data.offset[who + 1]]
        when = when[when != 0]
        place = np.arange(len(when))
        begun = np.searchsorted(when, when - 60_000, side="right")
        moment = np.cumsum(np.r_[True, when[1:] != when[:-1]])
        fast = np.where(moment - moment[begun] + 1 >= MOMENTS, place - begun + 1, 0).max()
        if fast > FASTEST:
            active_days = counted(int(days[who]), "active day")
            because = f"{fast:,} events within a minute, {len(when) / days[who]:,.0f} a day on {active_days}"
            yield Suspect(data.users[int(who)], "speed", int(count[who]), float(fast), because)
