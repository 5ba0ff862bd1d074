"""A live model grows: items that are newer than it, and attributes that have changed since, are taken up by content."""

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix, vstack

from serendip.arrays import CSR, I32
from serendip.models.contract import Describes, Extends, Model
from serendip.models.newcomers import Newcomers, nearest
from serendip.pipeline.stages import Stages
from serendip.service.live import Live

ANEW = 100_000  # items up to which all attributes are looked at when a model is loaded; of more, the new ones only


class Growth:
    """What has come to the items of one live model since it was fitted. One thread at a time may use it."""

    def __init__(self, base: Live) -> None:
        self.base, self.store = base, base.store
        self.stages = dict(base.surfaces.stages)
        self.items = base.pipeline.model.items
        self.n = len(self.items)
        self.content = base.content
        self.like: dict[int, CSR] = {self.n: empty(0, self.n)}  # n -> what the items from n on are like: (n_new, n)
        for model in base.surfaces.models():  # of pipelines: saved before what serves or after it
            self.like.setdefault(model.n_items, empty(0, model.n_items))
        self.touched: set[int] = set(range(self.n)) if self.n <= ANEW else set()
        self.described(self.touched)

    def take_up(self, items: frozenset[int] | None) -> None:
        """Look at items that are new or have changed: all that are newer than the model where None is given."""
        known = len(self.items)
        self.items = self.store.items()
        old = set(range(self.n, known)) if items is None else {i for i in items if i < known}
        self.touched |= {i for i in old if i < self.n}
        new = range(known, len(self.items))
        if self.content is None:
            return
        self.described(old)
        if len(new):
            self.content = self.content.extend(self.items, self.beyond(known))
        for n, like in self.like.items():
            had = n + like.shape[0]
            changed = [i for i in old if n <= i < had] if items is not None else range(n, had)
            again = np.array([*sorted(changed), *range(had, len(self.items))], np.int32)
            near = nearest(self.content, again, n)
            self.like[n] = replaced(like, again - n, near, max(len(self.items) - n, 0))

    def described(self, items: Iterable[int]) -> None:
        """Read anew the attributes of items that are known."""
        if self.content is not None:
            self.content = self.anew(self.content, items)

    def anew(self, model: Any, items: Iterable[int]) -> Any:
        """Return a model that has read the attributes of some items anew, if it has any use for them."""
        index = sorted(items)
        about = self.store.described("items", index) if index else None
        return model if about is None else model.described(np.array(index, np.int32), about)

    def beyond(self, n: int) -> pl.DataFrame:
        """Return the attributes of the items from n on, under n rows that nobody reads."""
        about = self.store.described("items", range(n, len(self.items)))
        return pl.DataFrame() if about is None else pl.concat([about.clear(n), about])

    def grown(self, live: Live) -> tuple[Live, dict[str, Stages]]:
        """Return a live model whose models know the items that there are now, and the stages of its pipelines."""
        done: dict[int, Model] = {}

        def once(model: Model) -> Model:
            if id(model) not in done:
                done[id(model)] = self.model(model)
            return done[id(model)]

        pipeline = over(self.base.pipeline, live.pipeline, once)
        stages = {name: over(one, one, once) for name, one in self.stages.items()}
        return replace(live, pipeline=pipeline, alike=once(self.base.alike), content=self.content), stages

    def model(self, model: Model) -> Model:
        """Return a model with the new items: by its own means where it has some, else by what they are like."""
        touched = {i for i in self.touched if i < model.n_items}
        model = throughout(model, lambda part: self.anew(part, touched) if isinstance(part, Describes) else part)
        new = len(self.items) - model.n_items
        if isinstance(model, Extends) and takes_up(model):
            return model.extend(self.items, self.beyond(model.n_items)) if new else model
        like = self.like.get(model.n_items)
        if like is None or like.shape[0] != new:
            like = empty(new, model.n_items)
        return Newcomers(model.users, self.items, model.rules, model, like, self.content)


def takes_up(model: Model) -> bool:
    """Return whether a model takes up new items by itself: one of several models does where one of them does."""
    within = [part for f in fields(model) for part in several(getattr(model, f.name)) if isinstance(part, Model)]
    return isinstance(model, Extends) and (not within or any(takes_up(part) for part in within))


def throughout(model: Model, change: Callable[[Model], Model]) -> Model:
    """Return a model with `change` made to it and to every model within it."""
    given: dict[str, Any] = {}
    for f in fields(model):
        value = getattr(model, f.name)
        if any(isinstance(part, Model) for part in several(value)):
            made = tuple(throughout(part, change) if isinstance(part, Model) else part for part in several(value))
            given[f.name] = made if isinstance(value, tuple) else made[0]
    return change(replace(model, **given) if given else model)


def several(value: object) -> tuple[object, ...]:
    """Return what a field holds, one or several."""
    return value if isinstance(value, tuple) else (value,)


def over(base: Any, now: Any, change: Callable[[Model], Model]) -> Any:
    """Return a pipeline as it is now, with each model of the one that was loaded changed."""
    if isinstance(base, Model):
        return change(base)
    if isinstance(base, tuple):
        return tuple(over(one, other, change) for one, other in zip(base, now, strict=True))
    if not is_dataclass(base) or isinstance(base, type):
        return now
    given = {f.name: over(getattr(base, f.name), getattr(now, f.name), change) for f in fields(base) if f.init}
    return replace(now, **given)


def replaced(rows: CSR, at: I32, new: CSR, n: int) -> CSR:
    """Return a table of n rows with new ones in place of those that it had, or after them.  # at (len(new),)"""
    had = rows.shape[0]
    order = np.full(n, had + new.shape[0], np.int64)  # what is in neither is empty
    order[:had] = np.arange(had)
    order[at] = had + np.arange(len(at))
    return csr_matrix(vstack([rows, new, empty(1, new.shape[1])], format="csr", dtype=np.float32)[order])


def empty(n: int, m: int) -> CSR:
    """Return a table of n rows without entries."""
    return csr_matrix((np.empty(0, np.float32), np.empty(0, np.int32), np.zeros(n + 1, np.int32)), shape=(n, m))
