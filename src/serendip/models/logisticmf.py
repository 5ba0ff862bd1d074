"""Logistic matrix factorisation: the probability that a user takes an item, from factors and biases.

Johnson, "Logistic Matrix Factorization for Implicit Feedback Data", NIPS workshop on distributed machine learning and
matrix computations, 2014; step sizes by Duchi, Hazan, Singer, "Adaptive Subgradient Methods", JMLR 12, 2011.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import expit

from serendip.arrays import CSR, F32
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.kernels.gram import gram
from serendip.kernels.lines import LINE, lines
from serendip.kernels.logistic import Ascent, Compared, logistic_step
from serendip.kernels.pairwise import Ranking
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.factors import Factors
from serendip.models.hyperparameter import hyper
from serendip.models.pairwise import imitating


@dataclass(frozen=True)
class LogisticMF(Algorithm):
    """min sum_all (1 + alpha w) ln(1 + e^s) - alpha w s + l2 / 2 (|x|^2 + |y|^2) with s = x_u y_i + b_u + b_i.

    w: what the pair weighs, 0 where it was not taken. Biases begin as the logarithms of what was taken and have no
    penalty; b_u is left out of the score: it changes no order.
    O(epochs (interactions + (n_users + n_items) compared) rank) time,
    O(interactions + (n_users + n_items) rank) memory.

    Use it in place of als where that takes too long: it is sooner done and ranks a little below, and its scores are
    log-odds. Not where order matters.

    >>> import serendip
    >>> item = "tent lamp rope axe".split() * 12 + "pen ink pad glue".split() * 8  # twelve campers, eight writers
    >>> data = serendip.read({"user": [n // 4 for n in range(80)], "item": item})
    >>> slate = serendip.recommend(serendip.LogisticMF(rank=2, l2=0.1).fit(data), data, users=[0], keep_seen=True)
    >>> sorted(slate.filter(slate["score"] > 0)["item_id"])  # what user 0 takes rather than not
    ['axe', 'lamp', 'rope', 'tent']
    """

    name: ClassVar[str] = "logisticmf"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history"})

    rank: int = hyper(64, "Factors a user and an item.", low=1, high=2048, log=True)
    epochs: int = hyper(30, "Steps of all users and of all items.", low=1, high=5000, log=True)
    learning_rate: float = hyper(0.1, "Length of a factor's first step.", low=1e-4, high=10.0, log=True)
    l2: float = hyper(4.0, "Penalty on squared factors.", low=0.0, high=1000.0)
    alpha: float = hyper(1.0, "How much more an interaction of weight 1 counts.", low=1e-3, high=1000.0, log=True)
    compared: int = hyper(
        512, "Items (users) that a step compares each user (item) with, drawn anew; all where fewer are there.",
        low=16, high=1_000_000, log=True,
    )  # fmt: skip
    init_std: float = hyper(0.03, "Standard deviation of initial factors.", low=1e-4, high=1.0, log=True)

    def fit(self, data: Dataset, *, run: Run = Run()) -> Factors:
        learnable(data, self.name)
        taken = data.matrix * np.float32(self.alpha)  # (n_users, n_items)
        takers, rank = taken.T.tocsr(), self.rank  # (n_items, n_users)
        generator = np.random.default_rng(run.seed)
        x, y = self.start(taken, generator)
        x_square, y_square = np.zeros_like(x), np.zeros_like(y)
        for epoch in range(self.epochs):
            self.step(taken, x, y, x_square, rank, generator, run)
            self.step(takers, y, x, y_square, rank + 1, generator, run)
            if not np.isfinite(y).all():
                raise UserError(f"logisticmf diverged in epoch {epoch + 1}; lower learning_rate={self.learning_rate}")
            run.report("logisticmf: epochs", epoch + 1, self.epochs)
        p, q, bias = (np.ascontiguousarray(a) for a in (x[:, :rank], y[:, :rank], y[:, rank]))
        fold = imitating(Ranking(p, q, bias), data.matrix, run.threads)
        return Factors(
            data.users, data.items, data.fitted_rules, p, q, data.history.fingerprint(), np.diff(takers.indptr) > 0,
            fold, fold.unobserved * gram(q), item_bias=bias,
        )  # fmt: skip

    def cost(self, size: Size) -> Cost:
        factors = 8 * (self.rank + 2 + LINE) * (size.n_users + size.n_items)
        cells = size.n_users * min(self.compared, size.n_items) + size.n_items * min(self.compared, size.n_users)
        return Cost(factors + 3 * WEIGHT * size.pairs, self.epochs * self.rank * (cells + 2 * size.pairs))

    def start(self, taken: CSR, generator: np.random.Generator) -> tuple[F32, F32]:
        """Return (x, 1, b_u) and (y, b_i, 1): normal factors, and biases that tell how much each took and was taken."""
        sides = []
        for axis, n in enumerate(taken.shape):
            weight = np.maximum(np.asarray(taken.sum(axis=1 - axis)).ravel(), 1e-3)  # (n,)
            side = lines(n, self.rank + 2)
            side[:, : self.rank] = generator.normal(0, self.init_std, (n, self.rank))
            side[:, self.rank + axis] = 1
            side[:, self.rank + 1 - axis] = np.log(weight / (weight.mean() if axis == 0 else taken.shape[0]))
            sides.append(side)
        return sides[0], sides[1]

    def step(
        self, taken: CSR, x: F32, y: F32, square: F32, fixed: int, generator: np.random.Generator, run: Run
    ) -> None:
        """Step every row of x for fixed y, compared with rows of y that are drawn anew; column `fixed` of x stays.

        taken (n, m): alpha times what each pair weighs; x, square (n, width), y (m, width), whose column `fixed` holds
        the biases. Rows are drawn by what they add to a slope, as their biases tell, so that few of them are enough.
        """
        m = len(y)
        compared = Compared(np.arange(m), np.ones(m, np.float32))
        if m > self.compared:
            chance = 1 / m + expit(y[:, fixed].astype(np.float64))
            chance /= chance.sum()
            row = generator.choice(m, self.compared, p=chance)
            compared = Compared(row, (1 / (self.compared * chance[row])).astype(np.float32))
        ascent = Ascent(self.learning_rate, self.l2, self.rank)
        logistic_step(taken, x, square, y, compared, fixed, ascent, run.threads)
