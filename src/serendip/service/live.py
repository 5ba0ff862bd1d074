"""What answers: everything that one answer needs, of one model version."""

from dataclasses import dataclass

from serendip.models.contract import Model
from serendip.models.warm import warm
from serendip.pipeline.pipeline import Pipeline
from serendip.service.catalogue import Catalogue
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

    def warm(self) -> None:
        """Make now what the first requests would wait for."""
        for model in (self.pipeline.model, self.alike):
            warm(model)
