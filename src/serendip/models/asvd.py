"""Asymmetric SVD: ratings from item factors alone; a user is what their ratings and their history say.

Koren, "Factorization Meets the Neighborhood: a Multifaceted Collaborative Filtering Model", KDD 2008,
doi:10.1145/1401890.1401944, section 4, equation 13; the biases are the baseline's, and an item says nothing of itself
while it is learned from, as Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, arXiv:1905.03375,
has it: that error on withheld ratings is lower was measured on a validation part.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np

from serendip.arrays import CSR, F32, Bool
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.models.asymmetricfactors import AsymmetricFactors
from serendip.models.baseline import Baseline
from serendip.models.contract import Algorithm, Run
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.factors import FoldIn
from serendip.models.historyfactors import history_items
from serendip.models.hyperparameter import hyper

PATIENCE = 3  # epochs without a better validation error after which fitting stops


class Parameters(NamedTuple):
    """Item factors that are rated, that ratings tell of, and that being in a history tells of.  # (n_items, rank)"""

    y: F32
    x: F32
    z: F32


@dataclass(frozen=True)
class ASVD(Algorithm):
    """min sum (r - b_ui - y_i (|R|^-1/2 sum_R (r_uj - b_uj) x_j + |N|^-1/2 sum_N z_j))^2 + l2 (|x|^2 + |y|^2 + |z|^2).

    R are the items that u rated, N those of the history, both but for i; b is the baseline. O(epochs (ratings + events)
    rank) time, O((n_users + n_items) rank) memory. Use it to foretell ratings where newcomers and new ratings come all
    the time: a newcomer is known as well as a user that it was fitted on. svdpp is a little better for the latter.
    """

    name: ClassVar[str] = "asvd"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})
    ranks: ClassVar[bool] = False

    rank: int = hyper(50, "Factors an item, of each of the three kinds.", low=1, high=2048, log=True)
    epochs: int = hyper(25, "Passes over all users.", low=1, high=1000)
    learning_rate: float = hyper(0.01, "Step size at first.", low=1e-5, high=1.0, log=True)
    decay: float = hyper(0.9, "What the step size is multiplied by after each epoch.", low=0.5, high=1.0)
    l2: float = hyper(0.05, "Penalty on squared factors: y at each rating, x and z at each user.", low=0.0, high=10.0)
    init_std: float = hyper(0.03, "Standard deviation of initial factors.", low=1e-4, high=1.0, log=True)

    def fit(self, data: Dataset, *, run: Run = Run()) -> AsymmetricFactors:
        if not data.rated.any():
            raise UserError("asvd learns from ratings and the events have none: use als")
        r, touched = data.ratings, history_items(data.history, data.n_items)  # (n_users, n_items) both
        baseline, generator = Baseline.of(r), np.random.default_rng(run.seed)
        rest, known = baseline.residuals(r), np.bincount(r.indices, minlength=data.n_items) > 0
        y, x = (generator.standard_normal((data.n_items, self.rank), np.float32) * np.float32(self.init_std)
                for _ in range(2))  # fmt: skip
        w, rate = Parameters(y, x, np.zeros_like(y)), np.float32(self.learning_rate)
        best, least, since = self.model(data, w, r, baseline, known), np.inf, 0
        for epoch in range(1, self.epochs + 1):
            for u in generator.permutation(np.flatnonzero(np.diff(rest.indptr))):
                learn(w, rest, touched, int(u), rate, np.float32(self.l2))
            if not np.isfinite(w.y).all():
                raise UserError(f"asvd diverged in epoch {epoch}; lower learning_rate={self.learning_rate}")
            rate *= np.float32(self.decay)
            run.report("asvd: epochs", epoch, self.epochs)
            if run.validation is None or not run.validation.rated.any():
                continue
            now = self.model(data, Parameters(*(array.copy() for array in w)), r, baseline, known)
            error, since = squared_error(now, data, run.validation), since + 1
            if error < least:
                best, least, since = now, error, 0
            if since == PATIENCE:
                break
        return best if np.isfinite(least) else self.model(data, w, r, baseline, known)

    def cost(self, size: Size) -> Cost:
        return Cost(
            4 * self.rank * (3 * size.n_items + size.n_users) + 3 * WEIGHT * size.ratings,
            self.epochs * size.ratings * self.rank,
        )

    def model(self, data: Dataset, w: Parameters, r: CSR, baseline: Baseline, known: Bool) -> AsymmetricFactors:
        """Return the model of these factors."""
        blank = np.zeros((data.n_users, self.rank), np.float32)
        model = AsymmetricFactors(
            data.users, data.items, data.fitted_rules, blank, w.y, data.history.fingerprint(), known,
            FoldIn(baseline.l2_user, ratings=True), np.zeros((self.rank, self.rank), np.float32),
            baseline.user_bias(r), baseline.item_bias, baseline.mean, clip=baseline.clip, implied=w.z, telling=w.x,
        )  # fmt: skip
        rows = model.folded(*model.interactions(data.queries()))  # (n_users, rank + 1)
        return replace(model, user_factors=np.ascontiguousarray(rows[:, :-1]))


def learn(w: Parameters, rest: CSR, touched: CSR, u: int, rate: np.float32, l2: np.float32) -> None:
    """Step down the gradient of one user's squared errors, in place."""
    rated, told = (m.indices[m.indptr[u] : m.indptr[u + 1]] for m in (rest, touched))
    value = rest.data[rest.indptr[u] : rest.indptr[u + 1]]  # (n,)
    root = np.float32(1 / np.sqrt(len(told)))
    tells = value[:, None] / np.float32(np.sqrt(len(rated)))  # (n, 1)
    y, x, z = w.y[rated], w.x[rated], w.z[told]
    own = tells * x + root * w.z[rated]  # what each item says of itself  # (n, rank)
    taste = tells[:, 0] @ x + root * z.sum(axis=0) - own  # (n, rank)
    error = value - np.einsum("nf,nf->n", y, taste)
    pull = error[:, None] * y  # (n, rank)
    total = pull.sum(axis=0)
    w.y[rated] += rate * (error[:, None] * taste - l2 * y)
    w.x[rated] += rate * (tells * (total - pull) - l2 * x)
    w.z[told] += rate * (root * total - l2 * z)
    w.z[rated] -= rate * root * pull


def squared_error(model: AsymmetricFactors, data: Dataset, validation: Dataset) -> float:
    """Return the mean squared error of what the model foretells of the ratings in `validation`."""
    rated = validation.rated & (validation.user < data.n_users)
    assert validation.value is not None
    foretold = model.predict(data.queries(validation.user[rated]), validation.item[rated])
    return float(np.mean((foretold - validation.value[rated]) ** 2))
