"""Feature augmentation: what one model knows of the items is given to another as events of users who do not exist.

Burke, "Hybrid Recommender Systems: Survey and Experiments", UMUAI 12(4), 2002, section 3.6; ratings by invented users
as in Melville, Mooney, Nagarajan, "Content-Boosted Collaborative Filtering for Improved Recommendations", AAAI 2002;
side information as more rows of a linear model as in Jeunen, Van Balen, Goethals, "Closed-Form Models for
Collaborative Filtering with Side-Information", RecSys 2020.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from serendip.arrays import F32, I32, rows_of
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.data.interactions import InteractionRules
from serendip.errors import UserError
from serendip.models.children import APART, Fits, algorithm, held
from serendip.models.contract import Algorithm, Model, Run, Similar, learnable
from serendip.models.cost import Cost, Size
from serendip.models.hyperparameter import hyper

TIED = 4  # times as many items are looked at, for those that are alike as the last
WITHIN = 8_000_000  # likenesses looked at at once
LIKE, NEAREST = 28, 60  # bytes of a likeness while nearest items are looked for, and of one that is found


@dataclass(frozen=True)
class Augmented(Algorithm):
    """model = the second algorithm's of [X; weight S], S_ij = how like i the first finds j, 1 for i itself.

    Time and memory are those of the first, O(n_items^2) likenesses, and those of the second with n_items more users:
    one an item, who took it and those most like it.

    Use it where items have attributes and many have few events: those without any are served too. Not where every item
    has events enough, nor with a second that learns something of each user (als).

    >>> import serendip
    >>> films = {"item": ["alien", "heidi", "solaris"], "genres": ["space", "alps", "space"]}
    >>> data = serendip.read({"user": list("aabb"), "item": ["alien", "heidi"] * 2}, items=films)
    >>> models = serendip.EASE().fit(data), serendip.Augmented().fit(data)
    >>> [serendip.recommend(model, data, ["a"])["item_id"].to_list() for model in models]  # solaris has no events
    [[], ['solaris']]
    """

    name: ClassVar[str] = "augmented"
    uses: ClassVar[frozenset[str]] = frozenset({"history", "item_features"})

    first: str = hyper("content", "Which algorithm says what is alike: `name` or `name:field=value:...`.")
    second: str = hyper("ease", "Which algorithm learns: `name` or `name:field=value:...`.")
    weight: float = hyper(1.0, "How much an invented event counts beside a real one.", low=0.001, high=100.0, log=True)
    neighbours: int = hyper(10, "Items that an invented user takes beside one.", low=1, high=1000, log=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        algorithm(self.first)
        if "user" in algorithm(self.second).uses:
            raise UserError(
                f"augmented: {self.second} learns something of each user, and invented ones are none: use ease, "
                "itemknn, slim or rp3beta"
            )

    def fit(self, data: Dataset, *, run: Run = Run()) -> Model:
        learnable(data, self.name)
        model = algorithm(self.first).fit(data, run=replace(run, start=None, validation=None))
        if not isinstance(model, Similar):
            raise UserError(f"augmented: {self.first} does not compare items: use content or itemknn")
        item, like = alike(model, data.n_items, self.neighbours)
        wider = with_invented(data, item, like * np.float32(self.weight))
        found = algorithm(self.second).fit(wider, run=replace(run, start=None, validation=None))
        return replace(found, users=data.users, rules=data.fitted_rules)

    def fits(self, size: Size) -> Fits:
        return [(algorithm(self.first), size), (algorithm(self.second), self.wider(size))]

    def wider(self, size: Size) -> Size:
        """Return the size of the data with invented users."""
        n, each = size.n_items, self.neighbours + 1
        real = size.part(size.pairs / max(size.events, 1))
        user, item = np.concatenate([real.user, np.full(n, each)]), real.item + each
        return Size(user, item, real.pairs + n * each, timed=False, item_features=size.item_features)

    def cost(self, size: Size) -> Cost:
        first, second = self.fits(size)
        alike = LIKE * min(size.n_items**2, max(WITHIN, size.n_items)) + NEAREST * TIED * self.neighbours * size.n_items
        return Cost(held([first]) + max(alike, APART * second[1].events + held([second])), size.n_items**2)


def alike(model: Similar, n_items: int, k: int) -> tuple[I32, F32]:
    """Return each item with those most like it, likeness over that of the nearest.  # (n_items, m), twice

    They count as k items: those that are as like as the k-th share the places that are left.
    """
    step = max(1, WITHIN // n_items)
    parts = [model.similar(np.arange(b, min(b + step, n_items), dtype=np.int32), TIED * k)
             for b in range(0, n_items, step)]  # fmt: skip
    item, score = np.concatenate([p.item for p in parts]), np.concatenate([p.score for p in parts])
    score = np.where((item >= 0) & (score > 0), score, 0)  # (n_items, TIED k)
    last = score[:, k - 1 : k]
    level = np.isclose(score, last, rtol=1e-5, atol=0)
    left = k - ((score > last) & ~level).sum(axis=1, keepdims=True)
    share = np.where(level, left / np.maximum(level.sum(axis=1, keepdims=True), 1), score > last)
    like = (score / np.maximum(score.max(axis=1, keepdims=True), 1e-9) * share).astype(np.float32)
    itself = np.arange(n_items, dtype=np.int32)[:, None]
    return np.hstack([itself, np.where(like > 0, item, -1)]), np.hstack([np.ones((n_items, 1), np.float32), like])


def with_invented(data: Dataset, item: I32, weight: F32) -> Dataset:
    """Return the interactions as weighted pairs, with one more user an item who took the items of its row."""
    x = data.matrix
    user = rows_of(x).astype(np.int32)
    invented, place = np.nonzero((item >= 0) & (weight > 0))
    names = Ids([*data.users.series.to_list(), *(f"\x00item {i}" for i in range(len(item)))])
    return Dataset.sort(
        names, data.items, np.concatenate([user, (invented + data.n_users).astype(np.int32)]),
        np.concatenate([x.indices, item[invented, place]]),
        value=np.concatenate([x.data, weight[invented, place]]),
        type=np.zeros(x.nnz + len(invented), np.int8), types=("interaction",),
        item_features=data.item_features, rules=InteractionRules(weights={}, use_values=True),
    )  # fmt: skip
