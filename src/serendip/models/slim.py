"""SLIM, the sparse linear method: each item as a sparse, non-negative mixture of others.

Ning, Karypis, "SLIM: Sparse Linear Methods for Top-N Recommender Systems", ICDM 2011.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import psutil
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, columns_used
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.kernels.slim import slim_columns
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.itemweights import ItemWeights


@dataclass(frozen=True)
class SLIM(Algorithm):
    """min |X - X W|^2 / 2 + l2 |W|^2 / 2 + l1 |W|_1 with W >= 0 and diag(W) = 0, column by column.

    O(sweeps (weights) (candidates)) time after the sparse X'X, which has to fit into memory; the weights are sparse.

    Use it where ease would do well but its dense weights are too many, or where reasons should be few and positive. Not
    where order matters.

    >>> import serendip
    >>> data = serendip.read({"user": list("aabbccdd"), "item": "tent lamp tent lamp tent soap comb soap".split()})
    >>> model = serendip.SLIM(l1=0.1, l2=1.0).fit(data)
    >>> why = model.explain(data.queries(data.users.index(["c"])), data.items.index(["lamp"]))
    >>> model.items.take(why.item)  # of tent and soap, the one that speaks for a lamp
    ['tent']
    """

    name: ClassVar[str] = "slim"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})

    l1: float = hyper(2.0, "Penalty on weights, in units of interactions: more leaves fewer.", low=0.0, high=1e6)
    l2: float = hyper(200.0, "Penalty on squared weights, in units of interactions.", low=0.01, high=1e6, log=True)
    candidates: int = hyper(
        2000, "Items that a column may draw on: those that alone explain it best.", low=1, high=1_000_000, log=True
    )
    sweeps: int = hyper(100, "Passes over the candidates, at most.", low=1, high=10_000, log=True)

    def fit(self, data: Dataset, *, run: Run = Run()) -> ItemWeights:
        learnable(data, self.name)
        g = gram(data.matrix, self.name)  # (n_items, n_items)
        run.report("slim: item products", 1, 2)
        weights = slim_columns(
            g, l1=self.l1, l2=self.l2, k=self.candidates, sweeps=self.sweeps, threads=run.threads
        ).tocsr()  # (n_items, n_items)
        run.report("slim: columns", 2, 2)
        known = columns_used(data.matrix)
        return ItemWeights(data.users, data.items, data.fitted_rules, weights, known)

    def cost(self, size: Size) -> Cost:
        stored = float(size.near(size.pairs).sum())
        column = min(stored / size.n_items, self.candidates)
        return Cost(2 * WEIGHT * stored + WEIGHT * size.pairs, size.met(size.pairs) + size.n_items * column**1.5)


def gram(x: CSR, name: str) -> CSR:
    """Return X'X, sparse, with indices in order.  # (n_users, n_items) -> (n_items, n_items)

    Raises:
        UserError: it would not fit into the memory that is free.
    """
    pairs = float((np.diff(x.indptr).astype(np.float64) ** 2).sum())
    need = 16 * min(float(x.shape[1]) ** 2, pairs)  # 8 bytes an entry, once more while they are put in order
    free = psutil.virtual_memory().available
    if need > free:
        raise UserError(
            f"{name} needs up to {need / 1e9:.1f} GB for the products of {x.shape[1]:,} items and {free / 1e9:.1f} GB "
            "are free: use rp3beta or als"
        )
    g = (x.T @ x).tocsr()
    g.sort_indices()
    return csr_matrix(g)
