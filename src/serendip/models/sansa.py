"""SANSA, the scalable approximate non-symmetric autoencoder: EASE with a sparse approximation of the inverse.

Spišák, Bartyzal, Hoskovec, Peška, Tůma, "Scalable Approximate NonSymmetric Autoencoder for Collaborative Filtering",
RecSys 2023, doi:10.1145/3604915.3608827. There the factor of the inverse comes from an incomplete factorisation that is
then inverted; here it is computed at once, as in Kolotilina, Yeremin, "Factorized Sparse Approximate Inverse
Preconditionings I", SIAM J. Matrix Anal. Appl. 14(1), 1993: every row from a small system that cannot break down.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_matrix, diags_array

from serendip.arrays import CSR, I32, I64, ItemLists, columns_used, offsets
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.kernels.inverse import inverse_rows
from serendip.models.contract import Algorithm, Run, learnable
from serendip.models.cost import WEIGHT, Cost, Size
from serendip.models.factoredweights import FactoredWeights
from serendip.models.hyperparameter import hyper
from serendip.models.slim import gram


@dataclass(frozen=True)
class SANSA(Algorithm):
    """B = I - P diag(P)^-1, P = K'K near (X'X + l2 I)^-1, K sparse and lower triangular, popular items first.

    O(n_items density^3) time after the sparse X'X, which has to fit into memory; 8 density n_items bytes for the model.

    Use it instead of ease where ease's dense weights would not fit; where every two items share a user and density is
    n_items, it is ease. Not where order matters.

    >>> import serendip
    >>> user, item = [n // 3 for n in range(120)], [(n // 3 + n % 3) % 40 for n in range(120)]  # of 40 in a ring
    >>> data = serendip.read({"user": user, "item": item})
    >>> model = serendip.SANSA(density=3).fit(data)
    >>> model.factor.nnz < 4 * data.n_items, data.n_items**2  # numbers that it keeps, that ease would keep
    (True, 1600)
    """

    name: ClassVar[str] = "sansa"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})

    l2: float = hyper(300.0, "Penalty on squared weights, in units of interactions.", low=0.01, high=1e6, log=True)
    density: int = hyper(
        150, "Entries kept in a row of K, beside its own, of which the size of the model follows.",
        low=1, high=2000, log=True,
    )  # fmt: skip

    def fit(self, data: Dataset, *, run: Run = Run()) -> FactoredWeights:
        learnable(data, self.name)
        g = gram(data.matrix, self.name)  # (n_items, n_items)
        run.report("sansa: item products", 1, 3)
        g = csr_matrix(g + diags_array(np.full(data.n_items, self.l2, np.float32)))
        g.sort_indices()
        order = np.lexsort((data.items.tie, -g.diagonal()))
        pattern = allowed(g, order, self.density)
        run.report("sansa: pattern", 2, 3)
        try:
            value = inverse_rows(g, pattern, threads=run.threads)
        except ValueError:
            raise UserError("sansa: the item products are singular in float32; raise l2") from None
        own = value[pattern.offset[1:] - 1]  # (n_items,)
        value /= np.sqrt(np.repeat(own, np.diff(pattern.offset)))
        factor = csr_matrix((value, pattern.item, pattern.offset), shape=g.shape)
        factor.sort_indices()
        run.report("sansa: inverse", 3, 3)
        known = columns_used(data.matrix)
        return FactoredWeights(data.users, data.items, data.fitted_rules, factor, known)

    def cost(self, size: Size) -> Cost:
        stored = float(size.near(size.pairs).sum())
        density = min(self.density, stored / size.n_items / 2)
        memory = 2 * WEIGHT * stored + 2 * WEIGHT * size.n_items * density
        return Cost(memory, 10 * (size.met(size.pairs) + stored) + size.n_items * density**3 / 3)


def allowed(g: CSR, order: I64, k: int) -> ItemLists:
    """Return the columns that each row of the factor may have, its own last.

    They are the k items before it in the order that alone explain it best, by g_ij^2 / g_jj.
    """
    n = g.shape[0]
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    length = np.sqrt(g.diagonal())
    kept: list[I32] = []
    for i in range(n):
        at = slice(g.indptr[i], g.indptr[i + 1])
        j = g.indices[at]
        before = place[j] < place[i]
        j, gain = j[before], g.data[at][before] / length[j[before]]
        if len(j) > k:
            j = np.sort(j[np.argpartition(-gain, k)[:k]])
        kept.append(np.append(j, i).astype(np.int32))
    return ItemLists(offsets(np.array([len(row) for row in kept], np.int64)), np.concatenate(kept))
