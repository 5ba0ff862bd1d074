"""User kNN: what people took to whose history is most like yours.

Resnick, Iacovou, Suchak, Bergstrom, Riedl, "GroupLens: An Open Architecture for Collaborative Filtering of Netnews",
CSCW 1994; Herlocker, Konstan, Borchers, Riedl, "An Algorithmic Framework for Performing Collaborative Filtering",
SIGIR 1999.
"""

from dataclasses import dataclass
from typing import ClassVar

from serendip.data.dataset import Dataset
from serendip.models.baseline import Baseline
from serendip.models.comparison import SIMILARITIES, WEIGHTINGS, Comparison, compared
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.userneighbours import UserNeighbours, votes_of
from serendip.models.userratings import UserRatings


@dataclass(frozen=True)
class UserKNN(Algorithm):
    """score(u, i) = sum over the k users v most like u of s_uv x_vi / n_i^damping.

    With ratings: rating(u, i) = baseline + the mean, weighted by s_uv, of what the k nearest raters of i say beyond it.
    Nothing to fit: O(interactions) time and memory; a query costs the interactions of all who share an item with it.

    Use it for some hundred thousand users at most; newcomers are served from their first item on. Not where nobody
    shares anything.

    >>> import serendip
    >>> data = serendip.read({"user": list("aabbcc"), "item": "tent lamp tent lamp soap comb".split()})
    >>> model = serendip.UserKNN().fit(data)
    >>> serendip.recommend(model, data, history=[["tent"], ["comb"]], k=1)["item_id"].to_list()  # two newcomers
    ['lamp', 'soap']
    """

    name: ClassVar[str] = "userknn"
    uses: ClassVar[frozenset[str]] = frozenset({"history", "order"})

    neighbours: int = hyper(100, "How many users are listened to.", low=1, high=10_000, log=True)
    similarity: str = hyper("cosine", "How users are compared.", choices=SIMILARITIES)
    weighting: str = hyper("tfidf", "Rare items count for more: tfidf, bm25; or none.", choices=WEIGHTINGS)
    shrinkage: float = hyper(
        0.0, "Added to the denominator of a similarity.", low=0.0, high=10_000.0, search=(0.0, 100.0)
    )
    damping: float = hyper(0.3, "Exponent by which a vote for a popular item counts less.", low=0.0, high=1.0)
    recency: float | None = hyper(
        100.0, "Events after which an older one of the history counts half; none: never.", low=1.0, high=1e6, log=True
    )

    def fit(self, data: Dataset, *, run: Run = Run()) -> UserNeighbours:
        learnable(data, self.name)
        values, ratings = compared(data, self.similarity)  # (n_users, n_items)
        comparison = Comparison.of(values, self.similarity, self.weighting, self.shrinkage, ratings)
        votes = votes_of(data.matrix, self.damping)
        shared = (data.users, data.items, data.fitted_rules, comparison, self.neighbours, self.recency)
        vectors = comparison.prepare(values)
        if not data.rated.any():
            return UserNeighbours(*shared, vectors, votes)
        baseline = Baseline.of(data.ratings)
        return UserRatings(*shared, vectors, votes, baseline, baseline.residuals(data.ratings))

    def cost(self, size: Size) -> Cost:
        return Cost(WEIGHT * (4 * size.pairs + 2 * size.ratings), size.events)
