"""Logistic regression: how likely someone takes something, by who, what, in which context, and their attributes.

Cox, "The Regression Analysis of Binary Sequences", JRSS B 20(2), 1958; over one-hot features as in McMahan et al., "Ad
Click Prediction: a View from the Trenches", KDD 2013, doi:10.1145/2487575.2488200.
"""

from dataclasses import dataclass
from typing import ClassVar

from serendip.data.dataset import Dataset
from serendip.kernels.fields import Steps
from serendip.models.contract import Algorithm, Run
from serendip.models.cost import Cost, Size
from serendip.models.featuremodel import FeatureModel
from serendip.models.hyperparameter import hyper
from serendip.models.onehot import fields_cost, fit_fields


@dataclass(frozen=True)
class Logistic(Algorithm):
    """min sum ln(1 + exp(-t s)), s = b + sum_a x_a w_a over the features a of user, item, context and attributes.

    t = 1 for a label above 0 and -1 for one of 0; without labels for what was taken and for drawn negatives.
    O(epochs rows fields) time, O(rows + features) memory.

    Use it for probabilities and as the baseline of fm and ffm. Not for slates: as nothing is multiplied, everyone gets
    the items in the same order.

    >>> import serendip
    >>> films = {"item": "alien dune heidi solaris lassie".split(), "genres": "space space alps space alps".split()}
    >>> data = serendip.read({"user": range(90), "item": "alien dune alien dune heidi".split() * 18}, items=films)
    >>> model = serendip.Logistic().fit(data)  # nobody has seen solaris or lassie yet, and space is taken more
    >>> serendip.recommend(model, data, history=[["alien", "dune", "heidi"]])["item_id"].to_list()
    ['solaris', 'lassie']
    """

    name: ClassVar[str] = "logistic"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "context", "item_features", "user_features"})

    epochs: int = hyper(10, "Passes over all rows.", low=1, high=1000, log=True)
    learning_rate: float = hyper(0.1, "Step size of AdaGrad.", low=1e-4, high=1.0, log=True)
    l2: float = hyper(1e-5, "Penalty on squared weights, at each row.", low=0.0, high=1.0)
    negatives: int = hyper(4, "Negatives drawn for what was taken, where there are no labels.", low=1, high=100)
    popularity: float = hyper(0.5, "A negative is drawn by its number of events to this power.", low=0.0, high=2.0)
    clock: bool = hyper(True, "Take the hour and the weekday (UTC) of an event as context.")

    def fit(self, data: Dataset, *, run: Run = Run()) -> FeatureModel:
        return fit_fields(
            data, self.name, Steps(True, self.learning_rate, 0.0, self.l2), aware=False, rank=0, epochs=self.epochs,
            init_std=0.0, negatives=self.negatives, popularity=self.popularity, clock=self.clock, run=run,
        )  # fmt: skip

    def cost(self, size: Size) -> Cost:
        return fields_cost(
            size, aware=False, rank=0, epochs=self.epochs, logistic=True, negatives=self.negatives, clock=self.clock,
        )  # fmt: skip
