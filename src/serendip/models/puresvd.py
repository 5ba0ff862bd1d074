"""PureSVD: the truncated singular value decomposition of the interactions, zeros included.

Cremonesi, Koren, Turrin, "Performance of Recommender Algorithms on Top-N Recommendation Tasks", RecSys 2010; the
decomposition by Halko, Martinsson, Tropp, "Finding Structure with Randomness", SIAM Review 53(2), 2011, algorithm 4.4;
popular items made shorter first: Nikolakopoulos, Kalantzis, Gallopoulos, Garofalakis, "EigenRec: Generalizing PureSVD
for Effective and Efficient Top-N Recommendations", Knowledge and Information Systems 58, 2019, arXiv:1511.06033.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from serendip.arrays import CSR, F32
from serendip.data.dataset import Dataset
from serendip.kernels.gram import gram
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import Cost, Size
from serendip.models.factors import FoldIn
from serendip.models.hyperparameter import hyper
from serendip.models.reconstruction import Reconstruction, supported

MORE = 16  # directions beside those that are kept, which make these exact sooner


@dataclass(frozen=True)
class PureSVD(Algorithm):
    """min |Z - Z V V'|^2, Z = X D, with V'V = I of the given rank; score = x_u V V', for everyone who brings a history.

    D multiplies each item's column by its number of interactions to the power -damping; it is I where that is 0.
    O(sweeps (interactions rank + n_items rank^2) + n_users rank^2) time,
    O(interactions + (n_users + n_items) rank) memory.

    Use it as the simplest factorisation there is, with one setting that matters. Not where the best is wanted: als is
    better on most data, ease where the catalogue is small.

    >>> import serendip
    >>> item = "tent lamp rope axe".split() * 12 + "pen ink pad glue".split() * 8  # twelve campers, eight writers
    >>> data = serendip.read({"user": [n // 4 for n in range(80)], "item": item})
    >>> model = serendip.PureSVD(rank=2).fit(data)  # a direction for each of the two tastes
    >>> sorted(serendip.recommend(model, data, history=[["pen"]], k=3)["item_id"])
    ['glue', 'ink', 'pad']
    """

    name: ClassVar[str] = "puresvd"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})

    rank: int = hyper(50, "Factors a user and an item.", low=1, high=2048, log=True)
    sweeps: int = hyper(8, "Multiplications by X'X: more make small singular values exact.", low=1, high=100)
    damping: float = hyper(0.0, "Exponent by which popular items count less for the factors.", low=0.0, high=1.0)

    def fit(self, data: Dataset, *, run: Run = Run()) -> Reconstruction:
        learnable(data, self.name)
        x = data.matrix  # (n_users, n_items)
        count = np.bincount(x.indices, minlength=data.n_items)
        z = x.copy()
        z.data *= np.maximum(count, 1).astype(np.float32)[x.indices] ** np.float32(-self.damping)
        v = right_singular_vectors(z, self.rank, self.sweeps, run)  # (n_items, rank)
        return Reconstruction(
            data.users, data.items, data.fitted_rules, np.asarray(x @ v, np.float32), v, data.history.fingerprint(),
            count > 0, FoldIn(0.0), gram(v, threads=run.threads),
        )  # fmt: skip

    def cost(self, size: Size) -> Cost:
        return vectors_cost(size, self.rank, self.sweeps)


def vectors_cost(size: Size, rank: int, sweeps: int) -> Cost:
    """Return what `right_singular_vectors` costs."""
    n, m, rank = size.n_users, size.n_items, rank + MORE
    dense = 4 * rank * max(12 * m + n, m + 9 * n)  # NumPy works on copies, in float64
    return Cost(dense, (sweeps + 1) * (4 * size.pairs * rank + 4 * m * rank**2) + 6 * n * rank**2)


def right_singular_vectors(x: CSR, rank: int, sweeps: int, run: Run) -> F32:
    """Return the first right singular vectors, fewer than `rank` where the matrix is small.  # (n, m) -> (m, rank)"""
    rank = supported(rank, x)
    q = np.random.default_rng(run.seed).standard_normal((x.shape[1], rank + MORE), np.float32)
    q = q[:, : min(x.shape)]  # (m, rank + MORE)
    for sweep in range(sweeps):
        q = np.linalg.qr(x.T @ (x @ q))[0]
        run.report("puresvd: sweeps", sweep + 1, sweeps)
    _, s, vt = np.linalg.svd(x @ q, full_matrices=False)
    some = s[:rank] > 1e-5 * s[0]
    return np.ascontiguousarray(q @ vt[:rank][some].T, np.float32)
