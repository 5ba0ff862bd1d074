"""A switching hybrid: the more is known of a user, the more is asked of the model.

Burke, "Hybrid Recommender Systems: Survey and Experiments", UMUAI 12(4), 2002, section 3.2.
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


@dataclass(frozen=True)
class Switching(Algorithm):
    """score(u, i) = the first algorithm's from `min_history` interactions on, the second's below, the last's at none.

    Time and memory are the sum of the algorithms'. Use it where many users are new: nobody gets an empty slate. Not
    where one algorithm serves short histories as well as long ones.
    """

    name: ClassVar[str] = "switching"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history", "order", "item_features"})

    algorithms: tuple[str, ...] = hyper(
        (), "Two or three, each `name` or `name:field=value:...`; empty: als, then content (itemknn), then popular."
    )
    min_history: int = hyper(5, "Interactions from which on the first algorithm answers.", low=1, high=10_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        for text in self.algorithms:
            algorithm(text)
        if len(self.algorithms) not in (0, 2, 3):
            raise UserError(f"switching needs two or three algorithms, not {len(self.algorithms)}")

    def fit(self, data: Dataset, *, run: Run = Run()) -> Blend:
        learnable(data, self.name)
        some = "itemknn" if data.item_features is None else "content"
        children = fitted(self.algorithms or ("als", some, "popular"), data, run)
        least = np.array([self.min_history, 1, 0] if len(children) == 3 else [self.min_history, 0], np.int64)
        levels = np.eye(len(children), dtype=np.float32)
        return Blend(data.users, data.items, data.fitted_rules, children, levels, least)
