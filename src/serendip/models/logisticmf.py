"""Logistic matrix factorisation: the probability that a user takes an item, from factors and biases.

Johnson, "Logistic Matrix Factorization for Implicit Feedback Data", NIPS workshop on distributed machine learning and
matrix computations, 2014; step sizes by Duchi, Hazan, Singer, "Adaptive Subgradient Methods", JMLR 12, 2011.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import expit

from serendip.arrays import CSR, F32
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.kernels.gram import gram
from serendip.kernels.pairwise import Ranking
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.factors import Factors
from serendip.models.hyperparameter import hyper
from serendip.models.pairwise import imitating

CELLS = 4_000_000  # probabilities held at once


@dataclass(frozen=True)
class LogisticMF(Algorithm):
    """min sum_all (1 + alpha w) ln(1 + e^s) - alpha w s + l2 / 2 (|x|^2 + |y|^2) with s = x_u y_i + b_u + b_i.

    w: what the pair weighs, 0 where it was not taken. O(epochs (interactions + (n_users + n_items) compared) rank)
    time, O((n_users + n_items) rank) memory. Use it where log-odds are wanted rather than distances; als ranks better
    and is sooner done. b_u is left out of the score: it changes no order.
    """

    name: ClassVar[str] = "logisticmf"
    uses: ClassVar[frozenset[str]] = frozenset({"user", "history"})

    rank: int = hyper(64, "Factors a user and an item.", low=1, high=2048, log=True)
    epochs: int = hyper(60, "Steps of all users and of all items.", low=1, high=5000, log=True)
    learning_rate: float = hyper(0.3, "Length of a factor's first step.", low=1e-4, high=10.0, log=True)
    l2: float = hyper(3.0, "Penalty on squared factors.", low=0.0, high=1000.0)
    alpha: float = hyper(10.0, "How much more an interaction of weight 1 counts.", low=1e-3, high=1000.0, log=True)
    compared: int = hyper(
        4096, "Items (users) that a step compares each user (item) with, drawn anew; all where fewer are there.",
        low=16, high=1_000_000, log=True,
    )  # fmt: skip
    init_std: float = hyper(0.1, "Standard deviation of initial factors.", low=1e-4, high=1.0, log=True)

    def fit(self, data: Dataset, *, run: Run = Run()) -> Factors:
        learnable(data, self.name)
        w = data.matrix  # (n_users, n_items)
        wt = w.T.tocsr()
        generator = np.random.default_rng(run.seed)
        x, y = (generator.normal(0, self.init_std, (n, self.rank + 2)).astype(np.float32) for n in w.shape)
        x[:, -2:], y[:, -2:] = (1, 0), (0, 1)  # (x, 1, b_u) and (y, b_i, 1)
        x_square, y_square = np.zeros_like(x), np.zeros_like(y)
        for epoch in range(self.epochs):
            self.step(w, x, y, x_square, self.rank, generator)
            self.step(wt, y, x, y_square, self.rank + 1, generator)
            if not np.isfinite(y).all():
                raise UserError(f"logisticmf diverged in epoch {epoch + 1}; lower learning_rate={self.learning_rate}")
            run.report("logisticmf: epochs", epoch + 1, self.epochs)
        p, q, bias = (np.ascontiguousarray(a) for a in (x[:, :-2], y[:, :-2], y[:, -2]))
        fold = imitating(Ranking(p, q, bias), w, run.threads)
        return Factors(
            data.users, data.items, data.fitted_rules, p, q, data.history.fingerprint(), np.diff(wt.indptr) > 0, fold,
            fold.unobserved * gram(q), item_bias=bias,
        )  # fmt: skip

    def cost(self, size: Size) -> Cost:
        factors = 8 * (self.rank + 2) * (size.n_users + size.n_items)
        cells = size.n_users * min(self.compared, size.n_items) + size.n_items * min(self.compared, size.n_users)
        return Cost(factors + 3 * WEIGHT * size.pairs + 16 * CELLS, self.epochs * self.rank * (cells + 2 * size.pairs))

    def step(self, w: CSR, x: F32, y: F32, square: F32, fixed: int, generator: np.random.Generator) -> None:
        """Step every row of x up the gradient of the log-likelihood for fixed y, in place; column `fixed` stays.

        w (n, m), x, square (n, rank + 2), y (m, rank + 2).
        """
        n, m = w.shape
        drawn = y if m <= self.compared else y[np.sort(generator.choice(m, self.compared, replace=False))]
        each, block = np.float32(m / len(drawn)), max(1, CELLS // len(drawn))
        for begin in range(0, n, block):
            rows, part = slice(begin, begin + block), w[begin : begin + block]
            row = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
            taken = expit(np.einsum("nf,nf->n", x[rows][row], y[part.indices]))  # (nnz,)
            pull = csr_matrix((self.alpha * part.data * (1 - taken), part.indices, part.indptr), shape=part.shape)
            slope = pull @ y - each * (expit(x[rows] @ drawn.T) @ drawn) - np.float32(self.l2) * x[rows]
            slope[:, fixed] = 0
            square[rows] += slope**2
            x[rows] += np.float32(self.learning_rate) * slope / np.sqrt(square[rows] + np.float32(1e-8))
