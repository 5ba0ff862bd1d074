"""A stacked hybrid: several retrievers put items forward, boosted trees learn from what came later how to order them.

Wolpert, "Stacked Generalization", Neural Networks 5(2), 1992; Covington, Adams, Sargin, "Deep Neural Networks for
YouTube Recommendations", RecSys 2016, doi:10.1145/2959100.2959190, for the two stages.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from serendip.arrays import F32, I64
from serendip.data.dataset import Dataset, in_context
from serendip.data.split import Split, by_time, last_share
from serendip.errors import UserError
from serendip.models.children import APART, Fits, algorithm, fits, fitted, held
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import Cost, Size
from serendip.models.described import Described, standing
from serendip.models.fields import Fields
from serendip.models.hyperparameter import hyper
from serendip.models.rankedcandidates import RankedCandidates
from serendip.models.trees import growing, grown

DEFAULT = ("als", "itemknn", "popular")
ENOUGH = 50  # users with something to find, below which no trees are grown
HELD_OUT = 5  # each fifth user says how many trees are best
TEACHERS = 20_000  # users whose later events are learned from, at most: each takes hundreds of rows
PUT = 0.7  # of the items put forward, those that no other algorithm puts forward as well
DESCRIBED = 15  # features of a pair beside those of algorithms and attributes
SEEN, STEPS = 40, 60  # bytes and steps of an item in the eyes of one algorithm, in steps of a row's column in a tree
BLOCK = 2000  # users described at once


@dataclass(frozen=True)
class Stacked(Algorithm):
    """min sum over i taken later and j not of |change of NDCG if they swap| ln(1 + exp(s_j - s_i)), s the sum of trees.

    LambdaMART: the later events, of 20,000 users at most, are what is to be put first among what the algorithms, fitted
    on the earlier ones, put forward; then the algorithms are fitted on all events. A pair is told by scores and places
    in the algorithms, popularity, recency, activity, likeness of attributes, context: as known before the moment that
    parts early from late; where each user's events are parted by themselves (no times, or too few users before and
    after one moment), before that user's own later events. Time and memory: the algorithms' twice, and the trees'.
    Needs LightGBM (the extra `trees`).

    Use it where several algorithms know different things and there are some thousand users; it ranks what is new to a
    user. Not where users are few: below fifty no trees are grown.

    >>> import serendip
    >>> item = "bag tent lamp rope bag rope lamp tent bag pen lamp ink bag ink lamp pen".split() * 25
    >>> data = serendip.read({"user": [n // 4 for n in range(400)], "item": item})
    >>> model = serendip.Stacked(("itemknn", "popular"), least=5, trees=20).fit(data)
    >>> serendip.recommend(model, data, history=[["tent"], ["pen"]], k=1)["item_id"].to_list()  # not bag and bag
    ['rope', 'ink']
    """

    name: ClassVar[str] = "stacked"
    uses: ClassVar[frozenset[str]] = frozenset(
        {"user", "history", "order", "context", "item_features", "user_features"}
    )

    algorithms: tuple[str, ...] = hyper((), "Each `name` or `name:field=value:...`; empty: als, itemknn, popular.")
    most: int = hyper(100, "Items that each algorithm puts forward.", low=1, high=5000, log=True)
    share: float = hyper(0.2, "The later share of the events, which the trees learn from.", low=0.01, high=0.9)
    trees: int = hyper(400, "Trees at most; users held out say how many are best.", low=1, high=10_000, log=True)
    leaves: int = hyper(15, "Leaves of a tree.", low=2, high=1024, log=True)
    learning_rate: float = hyper(0.05, "What each tree counts.", low=1e-3, high=1.0, log=True)
    least: int = hyper(50, "Pairs in a leaf at least.", low=1, high=100_000, log=True)
    clock: bool = hyper(True, "Take the hour and the weekday (UTC) of a question as context.")

    def __post_init__(self) -> None:
        super().__post_init__()
        for text in self.algorithms:
            algorithm(text)

    def fit(self, data: Dataset, *, run: Run = Run()) -> RankedCandidates:
        learnable(data, self.name)
        names = self.algorithms or DEFAULT
        fields = Fields.of(data, clock=self.clock)
        trees = np.empty(0, np.uint8)
        parts = self.parts(data)
        if parts is not None:
            run.report(f"{self.name}: algorithms on the earlier events", 0, 3)
            x, label, group = self.lesson(parts, names, fields, run)
            if len(group) >= ENOUGH:
                run.report(f"{self.name}: trees", 1, 3)
                settings = {"num_leaves": self.leaves, "learning_rate": self.learning_rate,
                            "min_data_in_leaf": self.least}  # fmt: skip
                held_out = np.repeat(np.arange(len(group)) % HELD_OUT == 0, group)
                n_codes = len(fields.query) + len(fields.item) - 2
                trees = grown(x, label, group, held_out, settings, self.trees, n_codes, run)
        run.report(f"{self.name}: algorithms on all events", 2, 3)
        children = fitted(names, data, run)
        run.report(f"{self.name}: algorithms on all events", 3, 3)
        described = Described.of(data, fields)
        return RankedCandidates(data.users, data.items, data.fitted_rules, children, described, self.most, trees)

    def fits(self, size: Size) -> Fits:
        names = self.algorithms or DEFAULT
        return [*fits(names, size.part(1 - self.share)), *fits(names, size)]

    def cost(self, size: Size) -> Cost:
        """As if every user had later events, and found one of them among what is put forward: few have in some data."""
        fits, n = self.fits(size), len(self.algorithms or DEFAULT)
        fields = Fields.of_size(size, clock=self.clock)
        columns = 2 * n + DESCRIBED + len(fields.query) + len(fields.item)
        users = min(size.n_users, TEACHERS)
        rows = PUT * users * min(size.n_items, n * self.most)
        trees = growing(rows, columns, self.trees)
        x, block = 4 * columns * rows, (8 * n + SEEN) * min(users, BLOCK) * size.n_items
        memory = max(held(fits[:n]) + APART * size.events + max(block, x) + x, x + trees.memory, x + held(fits[n:]))
        return Cost(memory, STEPS * n * users * size.n_items + trees.operations)

    def parts(self, data: Dataset) -> Split | None:
        """Return the earlier and the later events, None where there are too few.

        Split at one moment, or, where few users have events on both sides of it, at each user's own.
        """
        try:
            parts = by_time(data, self.share)
        except UserError:
            parts = None
        if parts is None or len(np.intersect1d(parts.train.user, parts.test.user)) < ENOUGH:
            parts = last_share(data, self.share)
        return parts if parts.train.matrix.nnz and parts.test.matrix.nnz else None

    def lesson(self, parts: Split, names: tuple[str, ...], fields: Fields, run: Run) -> tuple[F32, F32, I64]:
        """Return the features of candidates, which of them were taken later, and how many each question has."""
        early, late = parts.train, parts.test
        children, described = fitted(names, early, run), Described.of(early, fields)
        later = late.matrix
        user = np.flatnonzero(np.diff(later.indptr)).astype(np.int32)
        if len(user) > TEACHERS:
            user = np.sort(np.random.default_rng(run.seed).choice(user, TEACHERS, replace=False))
        parts_x, parts_label, parts_group = [], [], []
        for at in range(0, len(user), BLOCK):
            who = user[at : at + BLOCK]
            queries = in_context(early.queries(who), late, who)
            seen = standing(children, queries, early.n_items, self.most)
            retrieved, taken = seen.retrieved, np.asarray(later[who].todense() > 0)
            retrieved[~(retrieved & taken).any(axis=1)] = False  # there is nothing to put first
            row, item = np.nonzero(retrieved)
            parts_x.append(described.rows(queries, seen, row, item.astype(np.int32)))
            parts_label.append(taken[row, item].astype(np.float32))
            count = retrieved.sum(axis=1)
            parts_group.append(count[count > 0])
        return np.concatenate(parts_x), np.concatenate(parts_label), np.concatenate(parts_group).astype(np.int64)
