"""EASE, the embarrassingly shallow autoencoder: the closed form of a linear item-to-item model.

Harald Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019, arXiv:1905.03375.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import psutil

from serendip.arrays import CSR, F32
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.kernels.gram import mirror, sandwich, sparse_gram
from serendip.kernels.lapack import inverse_lower
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.itemweights import ItemWeights

BLOCK = 512  # rows looked at at once
BUFFERS = 1 << 25  # bytes that BLAS keeps for its own
PRODUCT = 10  # steps of the inverse that one of the sparse products takes
COLUMNS = 16  # bytes an interaction that the products by columns take
WORST = 1e-8  # reciprocal condition (1-norm) down to which float32 inverses were found right within a tenth


@dataclass(frozen=True)
class EASE(Algorithm):
    """min |X - X B|^2 + l2 |B|^2 with diag(B) = 0.

    O(n_items^3) time, 4 n_items^2 bytes; where users are far fewer than items, a matrix of users is inverted in its
    place: O(n_users^3 + interactions n_items) time, 4 n_users^2 bytes more.

    Use it first where the catalogue has up to some ten thousand items: one setting and hard to beat. Not for larger
    catalogues, and not where order matters.

    >>> import serendip
    >>> data = serendip.read({"user": list("aaabbbccdd"), "item": "bag tent axe bag tent axe bag pen bag ink".split()})
    >>> model = serendip.EASE(l2=1.0).fit(data)
    >>> slate = serendip.recommend(model, data, history=[["tent"]])
    >>> slate.filter(slate["score"] > 0)["item_id"].to_list()  # a tent speaks against pen and ink
    ['axe', 'bag']
    """

    name: ClassVar[str] = "ease"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})

    l2: float = hyper(300.0, "Penalty on squared weights, in units of interactions.", low=0.01, high=1e6, log=True)

    def fit(self, data: Dataset, *, run: Run = Run()) -> ItemWeights:
        learnable(data, self.name)
        x = data.matrix  # (n_users, n_items)
        free = psutil.virtual_memory().available
        check_memory(data.n_items, free)
        wide = by_users(*x.shape, x.nnz) and 4 * (data.n_items**2 + data.n_users**2) < free
        p = woodbury(x, self.l2, run) if wide else inverse(x, self.l2, run)  # (n_items, n_items)
        p /= -np.diag(p)  # eq. (8): B_ij = -P_ij / P_jj
        np.fill_diagonal(p, 0)
        run.report("ease: weights", 3, 3)
        known = np.zeros(data.n_items, np.bool_)
        known[x.indices] = True
        return ItemWeights(data.users, data.items, data.fitted_rules, p, known)

    def cost(self, size: Size) -> Cost:
        n, m = size.n_items, size.n_users
        memory = 4 * n**2 + COLUMNS * size.pairs + WEIGHT * size.pairs + BUFFERS
        if by_users(m, n, size.pairs):
            met = float(np.square(size.item.astype(np.float64)).sum()) * (size.pairs / max(size.events, 1)) ** 2
            return Cost(memory + 4 * m**2, m**3 + PRODUCT * (met + size.pairs * (m + n / 2)))
        return Cost(memory, n**3 + PRODUCT * size.met(size.pairs))


def check_memory(n_items: int, free: int) -> None:
    """Raise a UserError where the dense weights do not fit into the bytes that are free."""
    need = 4 * n_items**2
    if need > free:
        raise UserError(
            f"ease needs {need / 1e9:.1f} GB for its dense weights of {n_items:,} items and {free / 1e9:.1f} GB are "
            "free: use sansa or itemknn, whose weights are sparse"
        )


def by_users(n_users: int, n_items: int, pairs: float) -> bool:
    """Return whether `woodbury` takes less time than `inverse`."""
    products = PRODUCT * pairs * (n_users + n_items / 2)
    return n_users < n_items and n_users**3 + products < n_items**3


def inverse(x: CSR, l2: float, run: Run) -> F32:
    """Return (X'X + l2 I)^-1, in the memory of one such matrix.  # (n_items, n_items)

    Raises:
        UserError: the matrix is too nearly singular for float32.
    """
    n = x.shape[1]
    a = sparse_gram(x, whole=False, threads=run.threads)
    run.report("ease: item products", 1, 3)
    a[np.diag_indices(n)] += np.float32(l2)
    norm = float((x.T @ (x @ np.ones(n, np.float32))).max()) + l2  # of a: weights are positive
    failed = inverse_lower(a) != 0
    if not failed:
        mirror(a, threads=run.threads)
    longest = np.inf if failed else float(max(np.abs(a[b : b + BLOCK]).sum(axis=1).max() for b in range(0, n, BLOCK)))
    if not norm * longest < 1 / WORST:
        enough = 1.2 * norm * WORST * min(np.sqrt(n), l2 * longest)  # no row of the inverse sums to over sqrt(n) / l2
        raise UserError(
            f"ease: with l2={l2:g} the item products are too near singular for float32; set l2 to {enough:.2g} or more"
        )
    run.report("ease: inverse", 2, 3)
    return a


def woodbury(x: CSR, l2: float, run: Run) -> F32:
    """Return (X'X + l2 I)^-1 = (I - X' (X X' + l2 I)^-1 X) / l2, for fewer users than items.  # (n_items, n_items)"""
    n = x.shape[1]
    inner = inverse(x.T.tocsr(), l2, run)  # (n_users, n_users)
    p = sandwich(x, inner, threads=run.threads)
    p *= np.float32(-1 / l2)
    p[np.diag_indices(n)] += np.float32(1 / l2)
    return p
