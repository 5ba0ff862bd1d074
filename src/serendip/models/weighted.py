"""A weighted hybrid: several models vote, each on a scale of its own made comparable, with weights given or learned.

Burke, "Hybrid Recommender Systems: Survey and Experiments", UMUAI 12(4), 2002, section 3.1; the scaling is the
standard score of Renda, Straccia, "Web Metasearch: Rank vs. Score Based Rank Aggregation Methods", SAC 2003.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from serendip.arrays import F32, I64, ItemLists
from serendip.data.dataset import Dataset
from serendip.data.split import last_share
from serendip.errors import UserError
from serendip.models.blend import Blend
from serendip.models.children import APART, Fits, algorithm, fits, fitted, held, most
from serendip.models.contract import SCORES, Algorithm, Run, learnable
from serendip.models.cost import Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.votes import Ballot, votes

DEFAULT = {"als": 1.0, "itemknn": 1.0, "content": 0.2}
WITHHELD = 0.1  # of each user's events, for learning weights
JUDGES = 1500  # users by whom weights are learned
LEVELS = (100, 50, 30, 20, 15, 10, 7, 5, 4, 3, 2, 1, 0)  # interactions from which on the prior counts less
VOTED = 36  # bytes of a score while votes are cast
SLATE = 10  # items that matter while weights are learned


@dataclass(frozen=True)
class Weighted(Algorithm):
    """score(u, i) = sum over the algorithms a of weight_a (score_a(u, i) - mean) / standard deviation, for each query.

    Of it n/(n + shrinkage) after n interactions, and of the prior's standard score what is left to 1.
    Time and memory are the sum of the algorithms'.

    Use it where one knows what the others do not: taste beside attributes, so that new items have a chance. Not where
    one algorithm is better everywhere.

    >>> import serendip
    >>> films = {"item": "alien heidi dune solaris".split(), "genres": "space|fear alps space space|fear".split()}
    >>> data = serendip.read({"user": list("aabbcc"), "item": ["alien", "heidi"] * 2 + ["alien", "dune"]}, items=films)
    >>> both = [serendip.Weighted(("itemknn", "content"), weights).fit(data) for weights in ((9.0, 1.0), (1.0, 9.0))]
    >>> [serendip.recommend(model, data, history=[["alien"]], k=1)["item_id"][0] for model in both]
    ['heidi', 'solaris']
    """

    name: ClassVar[str] = "weighted"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history", "order", "item_features"})

    algorithms: tuple[str, ...] = hyper(
        (), "Each `name` or `name:field=value:...`; empty: als, itemknn, and content where items have attributes."
    )
    weights: tuple[float, ...] = hyper((), "How much each of the algorithms counts; empty: all alike, content less.")
    prior: str = hyper("popular", "Algorithm that answers who has no history, as trending or popular; empty: none.")
    shrinkage: float = hyper(
        1.0, "Interactions at which the prior counts as much as the others; 0: without any it alone.", low=0, high=1000
    )
    learned: bool = hyper(
        False,
        "Learn the weights: on the run's validation part, else on the last tenth of each user's events, withheld.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for text in self.algorithms:
            algorithm(text)
        if self.prior:
            algorithm(self.prior)
        if self.weights and len(self.weights) != len(self.algorithms):
            raise UserError(
                f"weighted has {len(self.weights)} weights for {len(self.algorithms)} algorithms: name one for each"
            )
        if self.weights and self.learned:
            raise UserError("weighted.weights are given or learned: leave out the one or the other")
        if not all(weight > 0 and np.isfinite(weight) for weight in self.weights):
            raise UserError(f"weighted.weights are numbers above 0, not {', '.join(map(str, self.weights))}")

    def fit(self, data: Dataset, *, run: Run = Run()) -> Blend:
        learnable(data, self.name)
        algorithms = self.named(data.item_features is not None)
        weights = self.weights or tuple(DEFAULT.get(text.split(":")[0], 1.0) for text in algorithms)
        if self.learned:
            found = learned(algorithms, data, run)
            algorithms, weights = (tuple(part) for part in zip(*found.items(), strict=True)) if found else (
                algorithms, weights)  # fmt: skip
        if self.prior:
            algorithms, (level, least) = (*algorithms, self.prior), levels(weights, self.shrinkage)
        else:
            level, least = np.array([list(weights)], np.float32), np.zeros(1, np.int64)
        children = fitted(algorithms, data, run)
        return Blend(data.users, data.items, data.fitted_rules, children, level, least)

    def named(self, attributes: bool) -> tuple[str, ...]:
        """Return the algorithms without the prior; attributes: whether items have some."""
        return self.algorithms or tuple(DEFAULT)[: 3 if attributes else 2]

    def fits(self, size: Size) -> Fits:
        names = self.named(size.item_features is not None)
        return [*self.tries(size), *fits((*names, *filter(None, [self.prior])), size)]

    def tries(self, size: Size) -> Fits:
        """Return the fits by which weights are learned."""
        return fits(self.named(size.item_features is not None), size.part(1 - WITHHELD)) if self.learned else []

    def cost(self, size: Size) -> Cost:
        tries = self.tries(size)
        kept = held(self.fits(size)[len(tries) :])
        if not tries:
            return Cost(kept, 0.0)
        scores = min(JUDGES, size.n_users) * size.n_items
        votes = VOTED * min(scores, SCORES / 4) + APART * size.events
        return Cost(max(kept, most(tries) + votes), scores * len(tries))


def levels(weights: tuple[float, ...], shrinkage: float) -> tuple[F32, I64]:
    """Return the weights of a blend with a prior last, by the least interactions.  # (L, n_children + 1), (L,)"""
    least = np.array(LEVELS if shrinkage else (1, 0), np.int64)
    share = least / (least + shrinkage) if shrinkage else np.minimum(least, 1)
    others = np.outer(share, np.array(weights) / sum(weights))
    return np.column_stack([others, 1 - share]).astype(np.float32), least


def learned(algorithms: tuple[str, ...], data: Dataset, run: Run) -> dict[str, float]:
    """Return the weights above 0 that make the best slates of 10 on what is withheld; empty where nothing can be."""
    train, later = data, run.validation
    if later is None or not len(later):
        parts = last_share(data, WITHHELD)
        train, later = parts.train, parts.test
    taken = later.matrix[: data.n_users, : data.n_items]
    before = train.matrix
    user = np.flatnonzero((np.diff(taken.indptr) > 0) & (np.diff(before.indptr) > 0)).astype(np.int32)
    if not len(user):
        return {}
    user = user[:: max(1, len(user) // JUDGES)]
    queries, truth, seen = train.queries(user), taken[user], before[user]
    exclude = ItemLists.of(seen)
    cast = [votes(algorithm(text).fit(train, run=replace(run, start=None)), queries, exclude) for text in algorithms]
    found = Ballot.of(cast, ItemLists.of(truth)).weights(SLATE)
    return {text: float(weight) for text, weight in zip(algorithms, found, strict=True) if weight > 0}
