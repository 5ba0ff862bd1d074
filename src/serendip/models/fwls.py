"""Feature-weighted linear stacking: ratings blended by weights that depend on how much is known.

Sill, Takács, Mackey, Lin, "Feature-Weighted Linear Stacking", 2009, arXiv:0911.0460; stacking on withheld predictions:
Wolpert, "Stacked Generalization", Neural Networks 5(2), 1992; Breiman, "Stacked Regressions", Machine Learning 24,
1996.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from serendip.arrays import F32
from serendip.data.dataset import Dataset
from serendip.data.split import at_random
from serendip.errors import UserError
from serendip.models.children import APART, Fits, algorithm, fits, fitted, held
from serendip.models.contract import Algorithm, Predicts, Run, learnable_ratings
from serendip.models.cost import Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.ratings import scale_of
from serendip.models.stackedratings import ROWS, StackedRatings, known_of, predicted, stacked

DEFAULT = (
    "svd", "svdpp", "asvd", "knnbaseline:by=item", "knnbaseline:by=user", "nmf", "slopeone", "coclustering", "baseline",
)  # fmt: skip

SMALL = 10_000  # items up to which slopeone, whose memory is their square, is one of them
PREDICTED = 120  # bytes of an event of the histories while slope one predicts beside them


@dataclass(frozen=True)
class FWLS(Algorithm):
    """min sum (r - sum_c w_c(u, i) r_c(u, i))^2 + l2 |w|^2 over ratings withheld from the algorithms c.

    w_c is linear in how many ratings the user and the item have. Time is that of the algorithms, `times` + 1 times
    over; memory is their sum.

    Use it where each hundredth of an error counts. Not where time does: svdpp is nearly as good.

    >>> import serendip
    >>> user, rating = [n // 4 for n in range(48)], [5, 5, 1, 1] * 6 + [1, 1, 5, 5] * 6
    >>> data = serendip.read({"user": user, "item": "alien dune heidi lassie".split() * 12, "rating": rating})
    >>> baseline, knn, _ = serendip.FWLS(("baseline", "knnbaseline"), times=5).fit(data).weights[:, 0]
    >>> print(knn > 2 * baseline)  # as they predicted ratings that they had not seen
    True
    """

    name: ClassVar[str] = "fwls"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history"})
    ranks: ClassVar[bool] = False

    algorithms: tuple[str, ...] = hyper(
        (), "Each `name` or `name:field=value:...`; empty: all that predict ratings, neighbours by item and by user."
    )
    share: float = hyper(0.1, "Share of the ratings that is withheld to learn the weights from.", low=0.01, high=0.5)
    times: int = hyper(2, "How many times another such share is withheld.", low=1, high=20)
    l2: float = hyper(
        30.0, "Penalty on squared weights, less an equal share for each of the algorithms.", low=0.0, high=1e6
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for text in self.algorithms:
            algorithm(text)

    def fit(self, data: Dataset, *, run: Run = Run()) -> StackedRatings:
        r = learnable_ratings(data, self.name, "weighted")  # (n_users, n_items)
        algorithms = self.named(data.n_items)
        mean = float(r.data.mean(dtype=np.float64))
        seen: list[tuple[F32, F32, F32]] = []  # what was predicted, what was known, the rating
        for time in range(self.times):
            seen.append(self.withheld(algorithms, data, replace(run, seed=run.seed + time)))
            run.report("fwls: withheld shares", time + 1, self.times)
        beyond, known, rating = (np.concatenate(parts) for parts in zip(*seen, strict=True))
        middle = known[:, 1:].mean(axis=0) if len(known) else np.zeros(2, np.float32)
        x = stacked(beyond - np.float32(mean), known - np.append(np.float32(0), middle))
        equal = np.zeros((beyond.shape[1] + 1, known.shape[1]))
        equal[:-1, 0] = 1 / beyond.shape[1]
        gram = x.T.astype(np.float64) @ x + max(self.l2, 1e-3) * np.eye(x.shape[1])
        weights = equal.ravel() + np.linalg.solve(gram, x.T @ (rating - mean - x @ equal.ravel()))
        support = np.bincount(r.indices, minlength=data.n_items).astype(np.float32)
        return StackedRatings(
            data.users, data.items, data.fitted_rules, support > 0, scale_of(r),
            fitted(algorithms, data, run), weights.reshape(equal.shape).astype(np.float32), middle.astype(np.float32),
            support, mean,
        )  # fmt: skip

    def named(self, n_items: int) -> tuple[str, ...]:
        """Return the algorithms for that many items."""
        return self.algorithms or tuple(text for text in DEFAULT if n_items <= SMALL or text != "slopeone")

    def fits(self, size: Size) -> Fits:
        names = self.named(size.n_items)
        return [*self.times * fits(names, size.part(1 - self.share)), *fits(names, size)]

    def cost(self, size: Size) -> Cost:
        fits, n = self.fits(size), len(self.named(size.n_items))
        told = self.times * self.share * size.ratings  # ratings that were withheld
        x = 4 * 3 * (n + 1) * told
        asked = PREDICTED * min(ROWS, self.share * float((size.user.astype(np.float64) ** 2).sum()))
        memory = max(held(fits[:n]) + APART * size.events + asked, 4 * x, x + held(fits[-n:]))
        return Cost(memory, n * told)

    def withheld(self, algorithms: tuple[str, ...], data: Dataset, run: Run) -> tuple[F32, F32, F32]:
        """Return what algorithms that did not see a share of the ratings predict of it, what was known, and it.

        (N, C), (N, 3), (N,)
        """
        split = at_random(data, self.share, run.seed)
        if not split.train.rated.any() or not split.test.rated.any():
            return np.empty((0, len(algorithms)), np.float32), np.empty((0, 3), np.float32), np.empty(0, np.float32)
        test = split.test.where(split.test.rated)
        children = fitted(algorithms, split.train, run)
        for text, child in zip(algorithms, children, strict=True):
            if not isinstance(child, Predicts):
                raise UserError(f"fwls blends ratings and {text} predicts none: use one that does, as svd")
        queries = split.train.queries()
        count = np.diff(split.train.ratings.indptr)[test.user]
        support = np.bincount(split.train.ratings.indices, minlength=data.n_items).astype(np.float32)
        assert test.value is not None
        rating = predicted(children, queries, test.user.astype(np.int64), test.item)
        return rating, known_of(count, support[test.item]), test.value
