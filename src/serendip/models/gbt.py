"""Gradient-boosted trees on categories: user, item, context and attributes, each as one column.

Friedman, "Greedy Function Approximation: a Gradient Boosting Machine", Annals of Statistics 29(5), 2001; Ke et al.,
"LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 2017.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from serendip.arrays import I32
from serendip.data.dataset import Dataset
from serendip.models.categorytrees import CategoryTrees, codes
from serendip.models.contract import Algorithm, Run
from serendip.models.cost import Cost, Size
from serendip.models.featuremodel import attributed
from serendip.models.fields import Fields
from serendip.models.hyperparameter import hyper
from serendip.models.onehot import lesson_cost, lesson_of, n_rows
from serendip.models.trees import growing, grown

CODED = 60  # bytes of an event, with what it was learnt from, once it is codes
DRAWN = 20  # steps of a row before trees grow
HELD_OUT = 10  # each tenth row says how many trees are best


@dataclass(frozen=True)
class GBT(Algorithm):
    """min sum ln(1 + exp(-t s)), s the sum of trees over the categories of a row, t = 1 or -1 for a label.

    Without labels t is 1 for what was taken and -1 for drawn negatives. O(trees rows columns) time, O(rows columns)
    memory; a pair takes O(trees leaves) to score. Needs LightGBM (the extra `trees`).

    Use it in place of fm and ffm where rows are labelled and a few columns decide. Not for slates of large catalogues,
    where trees serve as the ranker of `stacked`, nor where ids each have few rows: trees find little in them.

    >>> import serendip
    >>> acts = {"user": range(80), "item": ["news", "film"] * 40, "device": ["phone", "tv"] * 40}
    >>> data = serendip.read(acts, context=["device"])
    >>> model, now = serendip.GBT(trees=10, least=5).fit(data), ({"device": "phone"}, {"device": "tv"})
    >>> [serendip.recommend(model, data, history=[[]], context=one)["item_id"][0] for one in now]
    ['news', 'film']
    """

    name: ClassVar[str] = "gbt"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "context", "item_features", "user_features"})

    trees: int = hyper(1000, "Trees at most; rows held out say how many are best.", low=1, high=20_000, log=True)
    leaves: int = hyper(63, "Leaves of a tree.", low=2, high=4096, log=True)
    learning_rate: float = hyper(0.1, "What each tree counts.", low=1e-3, high=1.0, log=True)
    least: int = hyper(20, "Rows in a leaf at least.", low=1, high=100_000, log=True)
    smoothing: float = hyper(10.0, "Rows that a category is shrunk by where a tree orders them.", low=0.0, high=1e4)
    negatives: int = hyper(4, "Negatives drawn for what was taken, where there are no labels.", low=1, high=100)
    popularity: float = hyper(0.5, "A negative is drawn by its number of events to this power.", low=0.0, high=2.0)
    clock: bool = hyper(True, "Take the hour and the weekday (UTC) of an event as context.")

    def fit(self, data: Dataset, *, run: Run = Run()) -> CategoryTrees:
        fields = Fields.of(data, clock=self.clock)
        lesson, _ = lesson_of(data, fields, self.name, True, self.negatives, self.popularity)
        pairs = lesson.epoch(np.random.default_rng(run.seed))
        item_rows = fields.items(np.arange(data.n_items, dtype=np.int32), data.item_features)
        item_codes: I32 = codes(item_rows, fields, len(fields.query), len(fields.item))
        asked = codes(lesson.rows, fields, 0, len(fields.query))
        x = np.concatenate([asked[pairs.query], item_codes[pairs.item]], axis=1).astype(np.float32)
        settings = {
            "num_leaves": self.leaves, "learning_rate": self.learning_rate, "min_data_in_leaf": self.least,
            "cat_smooth": self.smoothing,
        }  # fmt: skip
        held_out = np.random.default_rng(run.seed).permutation(len(x)) % HELD_OUT == 0
        if len(x) < 10 * HELD_OUT:
            held_out[:] = False
        trees = grown(x, pairs.label, None, held_out, settings, self.trees, x.shape[1], run)
        known = (np.bincount(lesson.item, minlength=data.n_items) > 0) | attributed(item_rows, fields)
        labelled = data.label is not None
        return CategoryTrees(data.users, data.items, data.fitted_rules, fields, item_codes, known, trees, labelled)

    def cost(self, size: Size) -> Cost:
        fields = Fields.of_size(size, clock=self.clock)
        rows, columns = n_rows(size, True, self.negatives), len(fields.query) + len(fields.item)
        trees = growing(rows, columns, self.trees)
        lesson = lesson_cost(size, fields, True, self.negatives)
        return Cost(
            max(lesson, CODED * size.taken + 8 * rows * columns + trees.memory), trees.operations + DRAWN * rows
        )
