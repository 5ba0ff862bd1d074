"""The four stages of a pipeline as data: retrieve, filter, rank, re-rank."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from serendip.arrays import I32
from serendip.data.interactions import DAY
from serendip.data.queries import History
from serendip.models.contract import Model
from serendip.rerank.candidates import Reranker

REFUSED = ("dislike", "hide")  # types after which an item is not shown again, whatever a pipeline says
ANY = "any"


@dataclass(frozen=True)
class Source:
    """Where candidates come from, and how many. model None: the one that has this role in what is published."""

    name: str
    k: int
    model: Model | None = None


@dataclass(frozen=True)
class Stages:
    """What a named pipeline does.

    retrieve: where candidates come from; none named: the model that ranks. ranker: whose scores rank them; None: the
    published model's. seen: types of event after which an item is not shown again, `any` for all; repeat_after: days
    after which it may be again, 0: never. rerank: one after the other. taste: on an item's page, the share of the score
    that the viewer's history decides. by: the attribute whose values are the classes that calibration and reasons use.
    """

    name: str = "default"
    retrieve: tuple[Source, ...] = ()
    ranker: Model | None = None
    where: str = ""
    seen: tuple[str, ...] = (ANY,)
    repeat_after: float = 0.0
    rerank: tuple[Reranker, ...] = ()
    taste: float = 0.3
    by: str = ""

    def models(self) -> list[Model]:
        """Return the models that it names beside the published one."""
        return [one for one in (self.ranker, *(source.model for source in self.retrieve)) if one is not None]

    @cached_property
    def n_items(self) -> int:
        """How many items the largest of its models knows."""
        return max((model.n_items for model in self.models()), default=0)

    def out(self, history: History, now: int) -> I32:
        """Return the items of a history that are not shown again at a moment (ms)."""
        n = len(history.item)
        names = history.types if history.type is not None and history.types else ("interaction",)
        code = history.type if history.type is not None and history.types else np.zeros(n, np.int8)
        counts = np.array([ANY in self.seen or name in self.seen for name in names], np.bool_)[code]
        if self.repeat_after and history.timestamp is not None:
            counts &= now - history.timestamp < self.repeat_after * DAY
        counts |= np.array([name in REFUSED for name in names], np.bool_)[code]
        found: I32 = np.unique(history.item[counts])
        return found
