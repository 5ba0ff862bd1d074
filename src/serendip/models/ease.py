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
from serendip.kernels.lapack import inverse_lower
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.itemweights import ItemWeights

BLOCK = 512  # columns of the Gram matrix made dense at once
BUFFERS = 1 << 25  # bytes that BLAS keeps for its own
PRODUCT = 40  # steps of the inverse that one of the sparse products takes


@dataclass(frozen=True)
class EASE(Algorithm):
    """min |X - X B|^2 + l2 |B|^2 with diag(B) = 0. O(n_items^3) time, 4 n_items^2 bytes.

    Use it first where the catalogue has up to some ten thousand items: one setting and hard to beat. Not for
    larger catalogues, and not where order matters.
    """

    name: ClassVar[str] = "ease"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})

    l2: float = hyper(300.0, "Penalty on squared weights, in units of interactions.", low=0.01, high=1e6, log=True)

    def fit(self, data: Dataset, *, run: Run = Run()) -> ItemWeights:
        learnable(data, self.name)
        x = data.matrix  # (n_users, n_items)
        check_memory(data.n_items, min(data.n_users, data.n_items) if data.n_users < data.n_items else 0)
        wide = data.n_users < data.n_items
        p = woodbury(x, self.l2, run) if wide else inverse(gram(x, self.l2, run), run)  # (n_items, n_items)
        p /= -np.diag(p)  # eq. (8): B_ij = -P_ij / P_jj
        np.fill_diagonal(p, 0)
        known = np.bincount(x.indices, minlength=data.n_items) > 0
        return ItemWeights(data.users, data.items, data.fitted_rules, p, known)

    def cost(self, size: Size) -> Cost:
        n, m = size.n_items, size.n_users if size.n_users < size.n_items else 0  # the sides of what is inverted
        block = BLOCK * max(n, m) * (4 + WEIGHT)
        steps = (m**3 + 2 * m * n**2) if m else n**3
        return Cost(
            4 * (n**2 + m**2) + block + 2 * WEIGHT * size.pairs + BUFFERS, steps + PRODUCT * size.met(size.pairs)
        )


def check_memory(n_items: int, n_inner: int) -> None:
    """Raise a UserError where the dense matrices would not fit into the memory that is free."""
    need, free = 4 * (n_items**2 + n_inner**2), psutil.virtual_memory().available
    if need > free:
        raise UserError(
            f"ease needs {need / 1e9:.1f} GB for its dense weights of {n_items:,} items and {free / 1e9:.1f} GB are "
            "free: use itemknn, whose weights are sparse"
        )


def gram(x: CSR, l2: float, run: Run) -> F32:
    """Return X'X + l2 I, made dense block by block.  # (n_items, n_items)"""
    n = x.shape[1]
    g = np.empty((n, n), np.float32)
    xt, columns = x.T.tocsr(), x.tocsc()
    for b in range(0, n, BLOCK):
        g[b : b + BLOCK] = (columns[:, b : b + BLOCK].T @ columns).toarray() if n <= BLOCK else (
            (xt[b : b + BLOCK] @ x).toarray())  # fmt: skip
        run.report("ease: item products", min(b + BLOCK, n), 2 * n)
    g[np.diag_indices(n)] += np.float32(l2)
    return g


def inverse(a: F32, run: Run) -> F32:
    """Return the inverse of a positive definite matrix, in its own memory.  # (n, n)

    Raises:
        UserError: the matrix is singular in float32.
    """
    n = len(a)
    if inverse_lower(a) != 0:
        raise UserError("ease: the item products are singular in float32; raise l2")
    for b in range(0, n, BLOCK):
        e = min(b + BLOCK, n)
        a[b:e, e:] = a[e:, b:e].T
        corner = np.tril(a[b:e, b:e])
        a[b:e, b:e] = corner + np.tril(corner, -1).T
    run.report("ease: inverse", 2 * n, 2 * n)
    return a


def woodbury(x: CSR, l2: float, run: Run) -> F32:
    """Return (X'X + l2 I)^-1 = (I - X' (X X' + l2 I)^-1 X) / l2, for fewer users than items.  # (n_items, n_items)"""
    n = x.shape[1]
    inner = inverse(gram(x.T.tocsr(), l2, run), run)  # (n_users, n_users)
    p = np.empty((n, n), np.float32)
    xt = x.T.tocsr()
    for b in range(0, n, BLOCK):
        p[b : b + BLOCK] = (xt[b : b + BLOCK] @ inner) @ x
        run.report("ease: weights", min(b + BLOCK, n), n)
    p *= np.float32(-1 / l2)
    p[np.diag_indices(n)] += np.float32(1 / l2)
    return p
