"""Item kNN: items like those that the user took to, by who took to both.

Sarwar, Karypis, Konstan, Riedl, "Item-based Collaborative Filtering Recommendation Algorithms", WWW 2001; Deshpande,
Karypis, "Item-based Top-N Recommendation Algorithms", TOIS 22(1), 2004; for ratings Koren, "Factor in the Neighbors",
TKDD 4(1), 2010.
"""

from dataclasses import dataclass
from typing import ClassVar, cast

from serendip.arrays import CSR, columns_used
from serendip.data.dataset import Dataset
from serendip.kernels.knn import Similarity, neighbours
from serendip.models.baseline import Baseline
from serendip.models.comparison import SIMILARITIES, WEIGHTINGS, Comparison, compared
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.itemratings import ItemRatings
from serendip.models.itemweights import ItemWeights

RATED = 10  # times as many neighbours are kept for ratings, of which the nearest that the user rated count


@dataclass(frozen=True)
class ItemKNN(Algorithm):
    """score(u, i) = sum of x_uj s_ij over the k items j most like i.

    With ratings: rating(u, i) = baseline + the mean, weighted by s_ij, of what u says of the k nearest items beyond it.
    O(sum over users of n_u^2) time, 8 k n_items bytes (10 times as much for ratings).

    Use it for catalogues of any size, and where every recommendation needs a plain reason. Not where hardly anybody has
    two items.

    >>> import serendip
    >>> data = serendip.read({"user": list("aabbccd"), "item": "tent lamp tent lamp tent soap soap".split()})
    >>> model = serendip.ItemKNN().fit(data)
    >>> model.items.take(model.similar(model.items.index(["lamp"]), 1).item[0])  # who took a lamp took a tent
    ['tent']
    """

    name: ClassVar[str] = "itemknn"
    uses: ClassVar[frozenset[str]] = frozenset({"history", "order"})

    neighbours: int = hyper(50, "How many similar items an item is judged by.", low=1, high=10_000, log=True)
    similarity: str = hyper("cosine", "How items are compared.", choices=SIMILARITIES)
    weighting: str = hyper("tfidf", "Users with few items count for more: tfidf, bm25; or none.", choices=WEIGHTINGS)
    shrinkage: float = hyper(
        0.0, "Added to the denominator of a similarity.", low=0.0, high=10_000.0, search=(0.0, 100.0)
    )
    recency: float | None = hyper(
        200.0, "Events after which an older one of the history counts half; none: never.", low=1.0, high=1e6, log=True
    )

    def fit(self, data: Dataset, *, run: Run = Run()) -> ItemWeights:
        learnable(data, self.name)
        values, ratings = compared(data, self.similarity)  # (n_users, n_items)
        by_item = values.T.tocsr()  # (n_items, n_users)
        comparison = Comparison.of(by_item, self.similarity, self.weighting, self.shrinkage, ratings)
        like = self.likeness(comparison.prepare(by_item), data, self.neighbours, run)
        known = columns_used(data.matrix)
        common = (data.users, data.items, data.fitted_rules, like.T.tocsr(), known)
        if not data.rated.any():
            return ItemWeights(*common, recency=self.recency)
        baseline = Baseline.of(data.ratings)
        rest = baseline.residuals(data.ratings).T.tocsr()
        near = self.likeness(rest, data, RATED * self.neighbours, run, overlap=self.similarity == "euclidean")
        return ItemRatings(*common, baseline, near, self.neighbours, recency=self.recency)

    def cost(self, size: Size) -> Cost:
        stored = max(size.pairs, size.ratings)
        kept = size.near(stored, self.neighbours).sum()  # twice: by row and by column
        near = size.near(size.ratings, RATED * self.neighbours).sum() if size.ratings else 0
        met = size.met(max(size.pairs, size.ratings)) + (size.met(size.ratings) if size.ratings else 0)
        return Cost(WEIGHT * (2 * kept + 1.5 * near + 5 * size.pairs + size.ratings), met)

    def likeness(self, rows: CSR, data: Dataset, k: int, run: Run, overlap: bool = False) -> CSR:
        """Return the k most similar of the other rows, row by row.  # (n_items, n_users) -> (n_items, n_items)

        overlap: compare over shared users only; a distance over all would call items near that few have rated.
        """
        return neighbours(
            rows, k=min(k, data.n_items), similarity=cast(Similarity, self.similarity), tie=data.items.tie,
            shrinkage=self.shrinkage, overlap=overlap, threads=run.threads,
        )  # fmt: skip
