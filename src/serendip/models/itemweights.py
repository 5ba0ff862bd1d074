"""The fitted shape of linear item-to-item models: a history's weights times one matrix."""

from dataclasses import dataclass

import numpy as np

from serendip.arrays import CSR, F32, I32, Bool
from serendip.data.queries import Queries, offsets
from serendip.data.slates import Contributions, Slates
from serendip.kernels.topk import topk_dense
from serendip.models.contract import Model


@dataclass(frozen=True)
class ItemWeights(Model):
    """score(u, i) = sum over the history of x_uj W_ji.

    weights (n_items, n_items) float32, dense or CSR, row j: what having j says of every other item.
    known (n_items,): the items that the fit has seen; the others, and every item for an empty history, score NaN.
    """

    weights: F32 | CSR
    known: Bool

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        x = queries.history.matrix(self.rules, self.n_items)  # (B, n_items)
        product = x @ self.weights  # (B, n_items)
        score = product if isinstance(product, np.ndarray) else product.toarray()
        score[:, ~self.known] = np.nan
        score[np.diff(x.indptr) == 0] = np.nan
        if item is None:
            return score
        return np.where(item >= 0, np.take_along_axis(score, np.maximum(item, 0), axis=1), np.float32(np.nan))

    def similar(self, item: I32, k: int) -> Slates:
        row = self.weights[item]
        score = np.array(row if isinstance(row, np.ndarray) else row.toarray(), np.float32)  # (B, n_items)
        score[:, ~self.known] = np.nan
        score[~self.known[item]] = np.nan
        score[score == 0] = np.nan
        itself = np.arange(len(item) + 1, dtype=np.int64)
        return Slates(*topk_dense(score, k, self.items.tie, exclude_indptr=itself, exclude_indices=item))

    def explain(self, queries: Queries, item: I32) -> Contributions:
        x = queries.history.matrix(self.rules, self.n_items)  # (B, n_items)
        row = np.repeat(np.arange(len(item)), np.diff(x.indptr))
        weight = np.asarray(self.weights[x.indices, item[row]], np.float32).ravel() * x.data  # (nnz,)
        say = weight != 0
        count = np.bincount(row[say], minlength=len(item)).astype(np.int64)
        reason = np.zeros(int(say.sum()), np.int32)
        return Contributions(offsets(count), x.indices[say], weight[say], reason, ("because of",))
