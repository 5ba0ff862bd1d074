"""Which algorithms compete, on which split, for which success."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from serendip.arrays import Bool
from serendip.config import Settings
from serendip.data.dataset import Dataset
from serendip.data.interactions import weigh
from serendip.data.split import Split, last_share, split
from serendip.errors import UserError, nearest
from serendip.evaluation.leakage import Leak, leaks
from serendip.evaluation.task import Task
from serendip.metrics.name import Metric
from serendip.models.contract import Algorithm
from serendip.plural import counted
from serendip.registry import ALGORITHMS, load

GOALS: Mapping[str, tuple[str, ...]] = {  # engagement: whatever weighs something
    "sales": ("purchase",),
    "satisfaction": ("rating", "review", "like"),
}
ENOUGH = 200  # warm test users below which the split in time says too little
STEPS, SORTED = 100, 0.98  # from a row to the next of a user: of so many such a share goes up where rows are sorted


def portfolio(settings: Settings, names: Sequence[str] | None = None) -> list[Algorithm]:
    """Return the algorithms to compare, popular first, with the hyperparameters that the settings give.

    Raises:
        UserError: a name or a hyperparameter is not known.
    """
    wanted = list(dict.fromkeys(["popular", *(names or settings.training.algorithms)]))
    given: Mapping[str, Mapping[str, object]] = settings.training.hyperparameters
    for name in given:
        if name not in ALGORITHMS:
            raise UserError(f"[training.hyperparameters] names {name!r}, no algorithm{nearest(name, ALGORITHMS)}")
    return [load(name, ALGORITHMS, "algorithm").configured(given.get(name, {})) for name in wanted]


class NothingToJudge(UserError):
    """No event can be withheld and foreseen: there is one user, one item or one event."""


@dataclass(frozen=True)
class Contest:
    """What is judged on: the split and the task it sets. note says why it is not the split that was asked for.

    rated: the task of predicting the withheld ratings, low ones too; None where there are none; labelled: that of the
    withheld labels. n_test, n_warm:
    test users of the split that was asked for, and how many of them have a history before it. leaks: what is suspicious
    of the two parts before repeated pairs were left out.
    """

    parts: Split
    task: Task
    rated: Task | None
    labelled: Task | None
    n_test: int
    n_warm: int
    note: str = ""
    leaks: tuple[Leak, ...] = ()

    def predicting(self, metric: Metric) -> Task:
        """Return the task of predicting the values that a metric of rows is of: ratings or labels.

        Raises:
            UserError: the withheld part has none.
        """
        ratings = metric.definition.kind == "rating"
        task = self.rated if ratings else self.labelled
        if task is None:
            raise UserError(f"{metric} is of {'ratings' if ratings else 'labels'}, and the withheld part has none")
        return task


def contest(data: Dataset, settings: Settings) -> Contest:
    """Return the contest that the settings ask for, or by each user's own time where that leaves too few warm users.

    Raises:
        NothingToJudge: nothing can be withheld.
    """
    asked = settings.evaluation
    whole, n_test, n_warm, note = None, 0, 0, ""
    try:
        whole = split(data, asked.split, asked.share, asked.seed)
        n_test, n_warm = warm(ready(whole, settings))
    except UserError as error:
        if asked.split != "time":
            raise
        note = str(error).partition(":")[0]
    if asked.split == "time" and n_warm < ENOUGH:
        other, instead = last_share(data, asked.share), "the last fifth of each user's time"
        if data.timestamp is None and by_item(data):
            other = split(data, "random", asked.share, asked.seed)
            instead = "the rows stand in the order of the items, which is none in time, so a fifth drawn at random"
        elif data.timestamp is None:
            instead = "the last fifth of each user's events, in the order in which they came,"
        if len(ready(other, settings).test):
            note = note or (
                f"of {counted(n_test, 'user')} with events after the cut, {counted(n_warm, 'has', 'have')} a history "
                f"before it, fewer than {ENOUGH}"
            )
            whole, note = other, f"{note}: {instead} is withheld instead"
    parts = None if whole is None else ready(whole, settings)
    if whole is None or parts is None or len(parts.test) == 0:
        raise NothingToJudge(
            f"there is nothing to judge models by: none of {counted(len(data), 'event')} can be withheld and foreseen; "
            "a user needs at least two different items"
        )
    rated = whole.test.where(whole.test.rated)
    predicted = Task.of(whole.train, rated) if len(rated) and whole.train.rated.any() else None
    labelled = None if data.label is None else Task.of(whole.train, whole.test, keep_seen=True)
    found = leaks(whole.train, whole.test, whole.history)
    return Contest(parts, Task.of_split(parts), predicted, labelled, n_test, n_warm, note, tuple(map(dealt, found)))


def dealt(leak: Leak) -> Leak:
    """Return a finding with what is done about it here, or what setting does it."""
    done = ""
    if leak.kind == "duplicate pairs":
        done = ", and are left out of it"
    elif leak.kind.endswith("id as a feature"):
        done = " of [data] context" if leak.sentence.startswith("the context") else " by [data] exclude_attributes"
    return replace(leak, sentence=leak.sentence + done)


def by_item(data: Dataset) -> bool:
    """Return whether each user's rows stand in the order of the items' ids, as numbers or as texts."""
    ids = data.items.series
    ranks = [ids.rank("dense").to_numpy(), ids.cast(pl.Float64, strict=False).fill_null(0).rank("dense").to_numpy()]
    mine = (data.user[1:] == data.user[:-1]) & (data.item[1:] != data.item[:-1])
    steps = [np.diff(rank[data.item].astype(np.int64))[mine] > 0 for rank in ranks]
    return any(len(up) >= STEPS and bool(up.mean() > SORTED) for up in steps)


def ready(parts: Split, settings: Settings) -> Split:
    """Return a split whose test part holds what counts as success and is new to its user."""
    test = parts.test
    keep = successes(test, settings)
    seen = np.unique(parts.history.user.astype(np.int64) * test.n_items + parts.history.item)
    keep &= ~np.isin(test.user.astype(np.int64) * test.n_items + test.item, seen)
    return replace(parts, test=test.where(keep))


def successes(data: Dataset, settings: Settings) -> Bool:
    """Return which events are a success: of a type that the objective names, with a weight above 0.  # (N,)

    Where it names none, its goal does; where the data has none of those either, every type is one.

    Raises:
        UserError: the objective names a type of event that the data does not have.
    """
    good: Bool = weigh(data.history.events, data.rules) > 0
    named = settings.objective.events
    for name in named:
        if name not in data.types:
            raise UserError(f"[objective] events names {name!r} and the data has none{nearest(name, data.types)}")
    named = named or [name for name in GOALS.get(settings.objective.goal, ()) if name in data.types]
    if named and data.type is not None:
        good &= np.isin(data.type, [code for code, name in enumerate(data.types) if name in named])
    return good


def warm(parts: Split) -> tuple[int, int]:
    """Return how many users the test part has, and how many of them have a history."""
    users = np.unique(parts.test.user)
    return len(users), int(np.count_nonzero(np.diff(parts.history.offset)[users]))
