"""The named pipelines of a project: stages from serendip.toml, rules from the store's book, brought up to date."""

import logging
import threading
from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from serendip.config import Settings
from serendip.config import Stages as Written
from serendip.errors import NotFound, UserError, nearest
from serendip.models.contract import Model
from serendip.models.served import Served
from serendip.pipeline.about import About
from serendip.pipeline.expression import parse
from serendip.pipeline.mask import mask
from serendip.pipeline.pipeline import Pipeline
from serendip.pipeline.retrieve import ROLES
from serendip.pipeline.rules import Rule, Ruled, ruled
from serendip.pipeline.stages import Source, Stages
from serendip.pipeline.surface import Surface
from serendip.registry import ALGORITHMS, RERANKERS, load
from serendip.rerank.candidates import Reranker, configured
from serendip.rerank.exploration import Exploration
from serendip.store import artefacts
from serendip.store.project import Project
from serendip.store.store import Store

log = logging.getLogger("serendip")
DEFAULT = "default"


class Surfaces:
    """Stages by name, and the rules at work for each at the moment. Any thread may use it.

    `stale` says that attributes or rules were written; they are read again before the next slate.

    Raises:
        UserError: a condition of serendip.toml names an attribute that items have not.
    """

    def __init__(self, store: Store, stages: Mapping[str, Stages]) -> None:
        self.store = store
        self.stages: Mapping[str, Stages] = {DEFAULT: Stages(), **stages}
        self._lock = threading.RLock()
        self._frame: pl.DataFrame | None = None
        self._rules: list[Rule] = []
        self._ruled: dict[str, Ruled] = {}
        self._last: dict[str, Ruled] = {}
        self._about: dict[str, About] = {}
        self._n_items = 0
        self._items: frozenset[int] | None = None  # whose attributes have to be read anew; None: all
        self._book = True  # whether the rules have to be
        self._turned = False  # whether a time has begun or ended since anybody asked
        for one in self.stages.values():
            try:
                if one.where:
                    self.read()
                    mask(parse(one.where), self._frame, self._n_items)
                self.about(one.name)
            except UserError as error:
                raise UserError(f"[pipelines.{one.name}]: {error}") from None

    def named(self, name: str) -> Stages:
        """Return the stages of a name.

        Raises:
            NotFound: there is no such pipeline.
        """
        if name not in self.stages:
            raise NotFound(f"there is no pipeline {name!r}{nearest(name, self.stages)}")
        return self.stages[name]

    def models(self, stages: Mapping[str, Stages] | None = None) -> list[Model]:
        """Return the models that pipelines name beside the published one."""
        return [model for one in (self.stages if stages is None else stages).values() for model in one.models()]

    def explores(self, name: str) -> bool:
        """Return whether chance takes part in a pipeline, so that no two of its slates need be alike."""
        return any(isinstance(one, Exploration) for one in self.named(name).rerank)

    def stale(self, *, items: frozenset[int] | None = frozenset(), rules: bool = False) -> None:
        """Let the attributes of some items (None: all), or the rules, be read anew before the next slate."""
        with self._lock:
            self._items = None if items is None or self._items is None else self._items | items
            self._book = self._book or rules
            self._ruled = {}

    def turned(self, now: int) -> bool:
        """Return whether a rule's or an item's time has begun or ended, or the clock was set back, meanwhile."""
        if not self._turned and all(one.timely(now) for one in list(self._ruled.values())):
            return False
        with self._lock:
            self._ruled = {name: one for name, one in self._ruled.items() if one.timely(now)}
            self._turned = False
        return True

    def read(self) -> None:
        """Read what is stale."""
        with self._lock:
            if self._book:
                self._book, self._rules = False, read_rules(self.store)
            if self._items is None or self._items:
                n = len(self.store.items())
                self._frame = self.attributes(n)
                self._items, self._n_items, self._about = frozenset(), n, {}

    def attributes(self, n: int) -> pl.DataFrame | None:
        """Return the attributes of n items: those that were read, with what has changed since."""
        frame, items = self._frame, self._items
        if frame is None or items is None or not items.issuperset(range(len(frame), n)):
            return self.store.item_features()
        changed = sorted(i for i in items if i < n)
        about = self.store.described("items", changed)
        if about is None or about.schema != frame.schema:
            return self.store.item_features()
        order = np.arange(n)
        order[changed] = len(frame) + np.arange(len(changed))
        return pl.concat([frame, about])[order]

    def rules(self, name: str, now: int) -> Ruled:
        """Return the rules at work in a pipeline at a moment (ms)."""
        found = self._ruled.get(name)
        if found is not None and found.timely(now) and self._items == frozenset() and not self._book:
            return found
        with self._lock:
            self.read()
            self._turned = self._turned or (found is not None and not found.timely(now))
            stages = self.named(name)
            own = [Rule(f"where of pipeline {name}", "filter", stages.where)] if stages.where else []
            found = ruled([*own, *self._rules], self._frame, self._n_items, self.index, now, name)
            for fault in found.faults:
                log.error("%s", fault)
            self._ruled[name] = self._last[name] = found
            return found

    def last(self, name: str) -> Ruled:
        """Return the rules that were at work in a pipeline when it last made a slate: needs no store."""
        return self._last.get(name) or Ruled()

    def index(self, item_id: str) -> int:
        """Return the index of an item, -1 where there is none."""
        return self.store.find_item(item_id)

    def about(self, name: str) -> About | None:
        """Return what items are like in the eyes of a pipeline; None where it has no use for that."""
        stages = self.named(name)
        if not stages.rerank:
            return None
        with self._lock:
            self.read()
            if name not in self._about:
                self._about[name] = About.of(self._frame, stages.by, self._n_items)
            return self._about[name]

    def at(self, name: str, pipeline: Pipeline, similar: Model, now: int) -> Surface:
        """Return a pipeline at work on what is published, at a moment (ms)."""
        stages, rules = self.named(name), self.rules(name, now)
        return Surface(pipeline, stages, rules, similar, self.about(name), self._n_items)


def read_rules(store: Store) -> list[Rule]:
    """Return the rules that hold in the book; one that an older version wrote and this one cannot read is logged."""
    found = []
    for name, entry in store.rulebook.holding().items():
        try:
            found.append(Rule.of(name, entry.rule or {}))
        except UserError as error:
            log.error("%s", error)
    return found


def surfaces(project: Project, settings: Settings, store: Store, version: str) -> Surfaces:
    """Return the named pipelines of a project, of which a version is to answer.

    Raises:
        UserError: a pipeline names a source, an algorithm or a re-ranker that there is not.
    """
    serving = artefacts.about(project.model(version)).get("algorithm")
    loaded: dict[str, Model] = {}

    def model_of(name: str) -> Model | None:
        if name in (*ROLES, serving):
            return None
        if name not in loaded:
            loaded[name] = newest(project, name)
        return loaded[name]

    made = {}
    for name, written in settings.pipelines.items():
        try:
            made[name] = stages(name, written, model_of)
        except UserError as error:
            raise UserError(f"{project.settings}: [pipelines.{name}]: {error}") from None
    return Surfaces(store, made)


def stages(name: str, written: Written, model_of: Callable[[str], Model | None]) -> Stages:
    """Return the stages that a section of serendip.toml says.

    Raises:
        UserError: a source, an algorithm or a re-ranker is not there, or a condition cannot be read.
    """
    if written.where:
        parse(written.where)
    return Stages(
        name,
        tuple(source(text, model_of) for text in written.retrieve),
        model_of(written.rank) if written.rank else None,
        written.where,
        tuple(written.seen),
        written.repeat_after,
        tuple(reranker(text) for text in written.rerank),
        written.taste,
        written.by,
    )


def source(text: str, model_of: Callable[[str], Model | None]) -> Source:
    """Return the source of candidates that NAME:K says."""
    name, _, count = text.partition(":")
    if not count.isdecimal() or not 1 <= int(count) <= 10_000:
        raise UserError(f"a source is written NAME:K, as model:200, K from 1 to 10000, and {text!r} is not")
    model = model_of(name)
    return Source(name if name in ROLES or model is not None else "model", int(count), model)


def reranker(text: str) -> Reranker:
    """Return the re-ranker that NAME or NAME:field=value says."""
    name, *given = text.split(":")
    kind = load(name, RERANKERS, "re-ranker")
    pairs = [one.partition("=") for one in given]
    for one, equals, value in pairs:
        if not (one and equals and value):
            raise UserError(f"a re-ranker is written NAME:field=value, as mmr:relevance=0.7, and {text!r} is not")
    made: Reranker = configured(kind, name, {one: value for one, _, value in pairs})
    return made


def newest(project: Project, algorithm: str) -> Model:
    """Return the last saved model of an algorithm.

    Raises:
        UserError: there is no such algorithm, or no model of it.
    """
    if algorithm not in ALGORITHMS:
        raise UserError(f"there is no source {algorithm!r}{nearest(algorithm, [*ROLES, *ALGORITHMS])}")
    for version in reversed(project.versions()):
        try:
            if artefacts.about(project.model(version)).get("algorithm") != algorithm:
                continue
            model = artefacts.load(project.model(version))
        except UserError:  # damaged: an older one may do
            continue
        return model.main if isinstance(model, Served) else model
    raise UserError(f"there is no model of {algorithm} yet: make one with `serendip train {algorithm}`")
