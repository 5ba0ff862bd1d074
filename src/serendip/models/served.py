"""The fitted shape of what a project serves: a model, and what stands in where it has no answer."""

from dataclasses import dataclass

from serendip.arrays import F32, I32, ItemLists
from serendip.data.queries import Queries
from serendip.data.slates import Slates
from serendip.models.classes import Classes
from serendip.models.contract import Model
from serendip.models.itemfeatures import ItemFeatures


@dataclass(frozen=True)
class Served(Model):
    """main decides; fallback fills up where main knows too little; similar tells which items are alike, if set.

    content: vectors of the items' attributes, by which newer items find their place, where there are any.
    classes: of users, by which an onboarding questionnaire chooses what to ask, where there is one.
    """

    main: Model
    fallback: Model
    similar: Model | None = None
    content: ItemFeatures | None = None
    classes: Classes | None = None

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        return self.main.score(queries, item)

    def recommend(
        self, queries: Queries, k: int, candidates: ItemLists | None = None, exclude: ItemLists | None = None
    ) -> Slates:
        return self.main.recommend(queries, k, candidates, exclude)
