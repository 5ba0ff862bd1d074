"""A weighted hybrid: several models vote, each on a scale of its own made comparable.

Burke, "Hybrid Recommender Systems: Survey and Experiments", UMUAI 12(4), 2002, section 3.1; the scaling is the
standard score of Renda, Straccia, "Web Metasearch: Rank vs. Score Based Rank Aggregation Methods", SAC 2003.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.models.blend import Blend
from serendip.models.children import algorithm, fitted
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.hyperparameter import hyper

DEFAULT = {"als": 1.0, "itemknn": 1.0, "content": 0.2}


@dataclass(frozen=True)
class Weighted(Algorithm):
    """score(u, i) = sum over the algorithms a of weight_a (score_a(u, i) - mean) / standard deviation, for each query.

    Time and memory are the sum of the algorithms'. Use it where one knows what the others do not: taste beside
    attributes, so that new items have a chance. Not where one algorithm is better everywhere.
    """

    name: ClassVar[str] = "weighted"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history", "order", "item_features"})

    algorithms: tuple[str, ...] = hyper(
        (), "Each `name` or `name:field=value:...`; empty: als, itemknn, and content where items have attributes."
    )
    weights: tuple[float, ...] = hyper((), "How much each of the algorithms counts; empty: all alike, content less.")

    def __post_init__(self) -> None:
        super().__post_init__()
        for text in self.algorithms:
            algorithm(text)
        if self.weights and len(self.weights) != len(self.algorithms):
            raise UserError(
                f"weighted has {len(self.weights)} weights for {len(self.algorithms)} algorithms: name one for each"
            )
        if not all(weight > 0 and np.isfinite(weight) for weight in self.weights):
            raise UserError(f"weighted.weights are numbers above 0, not {', '.join(map(str, self.weights))}")

    def fit(self, data: Dataset, *, run: Run = Run()) -> Blend:
        learnable(data, self.name)
        algorithms = self.algorithms or tuple(DEFAULT)[: 2 if data.item_features is None else 3]
        weights = self.weights or [DEFAULT.get(text.split(":")[0], 1.0) for text in algorithms]
        children = fitted(algorithms, data, run)
        level = np.array([weights], np.float32)  # (1, n_children)
        return Blend(data.users, data.items, data.fitted_rules, children, level, np.zeros(1, np.int64))
