"""The protocol of random shares of each user: eight tenths to learn from, one to choose by, one to test."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from serendip.data.catalogue import load
from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.data.tables import Tables
from serendip.evaluation.task import Task, known_only

RULES = InteractionRules(weights={})  # every row weighs 1


def eight_one_one(name: str, draws: int) -> Callable[[], Iterator[tuple[Task, Task]]]:
    """Return some draws; as published, models learn from eight tenths alone, and validation items are no answers."""

    def parts() -> Iterator[tuple[Task, Task]]:
        data = Dataset.of(Tables(load(name).events.select("user_id", "item_id")), RULES)
        for seed in range(draws):
            yield drawn(data, seed)

    return parts


def drawn(data: Dataset, seed: int) -> tuple[Task, Task]:
    """Return the validation and the test task of one draw; who has ten items or more has a tenth in each part."""
    count = np.diff(data.offset)
    order = np.lexsort((np.random.default_rng(seed).random(len(data)), data.user))
    place = np.empty(len(data), np.int64)
    place[order] = np.arange(len(data)) - data.offset[:-1][data.user[order]]
    tenth = np.where(count >= 3, np.maximum(count // 10, 1), 0)[data.user]  # at least one, as RecBole does it
    train, validation, test = (
        data.where(part) for part in (place >= 2 * tenth, (place >= tenth) & (place < 2 * tenth), place < tenth)
    )
    task, known = Task.of(train, test), data.where(place >= tenth)
    seen = known_only(known.queries(np.unique(test.user)).history.lists, data.n_items)
    return Task.of(train, validation), replace(task, exclude=seen)
