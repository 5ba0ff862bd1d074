"""A factorisation machine: every two features of user, item, context and attributes meet through their factors.

Rendle, "Factorization Machines", ICDM 2010, doi:10.1109/ICDM.2010.127.
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
class FM(Algorithm):
    """min sum loss(s), s = b + sum_a x_a w_a + sum_(a < b) x_a x_b v_a v_b over the features of a row; AdaGrad.

    O(epochs rows fields rank) time, O(rows + features rank) memory; all items are scored by one inner product.

    Use it where context and attributes count beside who asks: new items and new users are told by theirs. Not where
    fresh events count: they change nothing before the next fit.

    >>> import serendip
    >>> acts = {"user": range(80), "item": ["news", "film"] * 40, "device": ["phone", "tv"] * 40}
    >>> data = serendip.read(acts, context=["device"])
    >>> model, now = serendip.FM(rank=4).fit(data), ({"device": "phone"}, {"device": "tv"})
    >>> [serendip.recommend(model, data, history=[[]], context=one)["item_id"][0] for one in now]
    ['news', 'film']
    """

    name: ClassVar[str] = "fm"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "context", "item_features", "user_features"})
    aware: ClassVar[bool] = False  # of the field that a feature meets

    loss: str = hyper(
        "logistic", "logistic: of labels, or of what was taken beside negatives; squared: of ratings.",
        choices=("logistic", "squared"),
    )  # fmt: skip
    rank: int = hyper(32, "Factors a feature.", low=1, high=1024, log=True)
    epochs: int = hyper(20, "Passes over all rows.", low=1, high=1000, log=True)
    learning_rate: float = hyper(0.1, "Step size of AdaGrad.", low=1e-4, high=1.0, log=True)
    l2: float = hyper(0.001, "Penalty on squared factors, at each row.", low=0.0, high=1.0)
    l2_linear: float = hyper(1e-5, "Penalty on squared weights, at each row.", low=0.0, high=1.0)
    init_std: float = hyper(0.05, "Standard deviation of initial factors.", low=1e-4, high=1.0, log=True)
    negatives: int = hyper(4, "Negatives drawn for what was taken, where there are no labels.", low=1, high=100)
    popularity: float = hyper(0.5, "A negative is drawn by its number of events to this power.", low=0.0, high=2.0)
    clock: bool = hyper(True, "Take the hour and the weekday (UTC) of an event as context.")

    def fit(self, data: Dataset, *, run: Run = Run()) -> FeatureModel:
        steps = Steps(self.loss == "logistic", self.learning_rate, self.l2, self.l2_linear)
        return fit_fields(
            data, self.name, steps, aware=self.aware, rank=self.rank, epochs=self.epochs, init_std=self.init_std,
            negatives=self.negatives, popularity=self.popularity, clock=self.clock, run=run,
        )  # fmt: skip

    def cost(self, size: Size) -> Cost:
        return fields_cost(
            size, aware=self.aware, rank=self.rank, epochs=self.epochs, logistic=self.loss == "logistic",
            negatives=self.negatives, clock=self.clock,
        )  # fmt: skip
