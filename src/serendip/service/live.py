"""What answers: everything that one answer needs, of one model version."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from serendip.arrays import I32
from serendip.models.classes import Classes
from serendip.models.contract import Model
from serendip.models.itemfeatures import ItemFeatures
from serendip.models.warm import warm
from serendip.models.within import reads_users
from serendip.pipeline.pipeline import Pipeline
from serendip.pipeline.stages import Stages
from serendip.service.catalogue import Catalogue
from serendip.service.surfaces import Surfaces
from serendip.store.store import Store


@dataclass(frozen=True)
class Live:
    """A store and a published model at work. It is never changed: another takes its place by reference.

    A request takes it once and answers from nothing else, so that no answer is of two versions.
    """

    store: Store
    version: str
    pipeline: Pipeline
    alike: Model
    catalogue: Catalogue
    surfaces: Surfaces  # pipelines by name, with the rules of the moment
    content: ItemFeatures | None = None  # by which newer items find their place
    classes: Classes | None = None  # by which onboarding chooses what to ask

    @cached_property
    def reads_users(self) -> bool:
        """Whether a slate may depend on attributes of its user."""
        ranking = (self.pipeline.model, self.pipeline.fallback, *self.surfaces.models())
        return any(reads_users(model) for model in ranking if model is not None)

    def barring(self, banned: I32) -> "Live":
        """Return the same without the banned items, int32 indices."""
        return replace(self, pipeline=replace(self.pipeline, banned=banned))

    def warm(self, stages: Mapping[str, Stages] | None = None) -> None:
        """Make now what the first requests would wait for, of other stages than the pipelines' where some are given."""
        for model in (self.pipeline.model, self.alike, *self.surfaces.models(stages)):
            warm(model)
