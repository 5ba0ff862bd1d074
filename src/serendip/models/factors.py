"""The fitted shape of factorisations: a score is the inner product of a user's and an item's factors, plus biases."""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from serendip.arrays import CSR, F32, I32, I64, U64, Bool, ItemLists, in_table, offsets, ranges
from serendip.data.queries import Queries
from serendip.data.slates import Contributions, Slates
from serendip.kernels.als import owed, solve_rows
from serendip.kernels.index import MANY, Index, prepare
from serendip.kernels.system import Systems
from serendip.models.contract import Model
from serendip.models.likeness import nearest
from serendip.models.packed import Packed, inner, topk

FOLDED = 1 << 16  # interactions folded in at once on packed factors


@dataclass(frozen=True)
class FoldIn:
    """How factors follow from a history: min sum_j w_j (t_j - x y_j)^2 + unobserved |x Y'|^2 + l2 n^frequency |x|^2.

    w_j is the interaction's weight and t_j = target; for ratings w_j = 1 and t_j is the rating less mean and item bias.
    n is the number of interactions plus `unobserved` times the number of items.
    """

    l2: float
    unobserved: float = 0.0
    frequency: float = 0.0
    ratings: bool = False
    target: float = 1.0

    def penalty(self, count: F32, n_other: int) -> F32:
        """Return the l2 of rows with `count` interactions over `n_other` columns.  # (B,)"""
        others = self.unobserved * n_other
        if len(count) == 1:  # a query on its own: numbers are faster than arrays of one
            return np.array([self.l2 * max(count[0] + others, 1) ** self.frequency], np.float32)
        return np.asarray(self.l2 * np.maximum(count + others, 1) ** self.frequency, np.float32)


@dataclass(frozen=True)
class Factors(Model):
    """score(u, i) = mean + b_u + b_i + x_u y_i; without biases only x_u y_i.

    user_factors (n_users, rank), item_factors (n_items, rank) float32, or packed. fitted (n_users,): fingerprints of
    the histories that the user rows were fitted on: another history is folded in. known (n_items,): items seen.
    gram (rank, rank): unobserved * Y'Y. item_weight (n_items,): what an interaction's weight is multiplied by.
    """

    user_factors: F32 | Packed
    item_factors: F32 | Packed
    fitted: U64
    known: Bool
    fold: FoldIn
    gram: F32
    user_bias: F32 | None = None
    item_bias: F32 | None = None
    mean: float = 0.0
    reasons: tuple[str, ...] = field(default=("because of",))
    item_weight: F32 | None = None

    @property
    def rank(self) -> int:
        return int(self.item_factors.shape[1])

    @cached_property
    def _bias(self) -> F32 | None:
        """Item biases with the mean; -inf keeps unknown items out of every slate.  # (n_items,)"""
        if self.item_bias is None and self.known.all():
            return None
        bias = np.zeros(self.n_items, np.float32) if self.item_bias is None else self.item_bias + np.float32(self.mean)
        return np.where(self.known, bias, np.float32(-np.inf))

    def interactions(self, queries: Queries) -> tuple[CSR, F32]:
        """Return the weights w and the targets t w of the histories.  # (B, n_items), (nnz,)"""
        if not self.fold.ratings:
            w = queries.history.matrix(self.rules, self.n_items)
            if self.item_weight is not None:
                w.data = w.data * self.item_weight[w.indices]
            return w, w.data * np.float32(self.fold.target)
        w = queries.history.ratings(self.n_items)
        target = w.data - np.float32(self.mean)
        if self.item_bias is not None:
            target = target - self.item_bias[w.indices]
        w.data = np.ones_like(w.data)
        return w, target

    def user_rows(self, queries: Queries) -> tuple[F32, F32, Bool]:
        """Return factors, biases and whether anything is known of each query's user.  # (B, rank), (B,), (B,)"""
        user, hot = self._fitted_rows(queries)
        if not hot.any():
            return self._newcomers(queries)
        x = self.user_factors[user]
        bias = np.zeros(len(user), np.float32) if self.user_bias is None else self.user_bias[user]
        something = np.asarray(x.any(axis=1)) | (self.item_bias is not None)  # who took nothing has a row of zeros
        if not hot.all():
            cold = np.flatnonzero(~hot)
            x[cold], bias[cold], something[cold] = self._newcomers(queries.rows(cold))
        return x, bias, something

    def _fitted_rows(self, queries: Queries) -> tuple[I32, Bool]:
        """Return each query's user, 0 where there is none, and whether its row is that of its history.  # (B,), (B,)"""
        known, user = in_table(queries.user, self.n_users)
        return user, known & (self.fitted[user] == queries.history.fingerprint()) if known.any() else known

    def _newcomers(self, queries: Queries) -> tuple[F32, F32, Bool]:
        """Return what `user_rows` does where no history is the one that a row was fitted on."""
        w, target = self.interactions(queries)
        x = self.folded(w, target)
        bias = np.zeros(len(x), np.float32) if self.user_bias is None else x[:, self.rank]
        return x[:, : self.rank], bias, (w.indptr[1:] > w.indptr[:-1]) | (self.item_bias is not None)

    def folded(self, w: CSR, target: F32) -> F32:
        """Return the factors that histories imply, and the bias where users have biases.

        (B, n_items), (nnz,) -> (B, rank) or (B, rank + 1)
        """
        if isinstance(self.item_factors, Packed):
            return self._folded_packed(w, target)
        y, gram = self._fold_items
        indptr = w.indptr.astype(np.int64)
        l2 = self.fold.penalty((indptr[1:] - indptr[:-1]).astype(np.float32), self.n_items)
        x = np.zeros((len(l2), y.shape[1]), np.float32)
        solve_rows(Systems(indptr, w.indices, w.data, target, y, gram, l2), x)
        return x

    def _folded_packed(self, w: CSR, target: F32) -> F32:
        """Do what `folded` does, some histories at a time, and make only the item rows that they need float32."""
        gram = self._fold_gram
        x = np.zeros((w.shape[0], len(gram)), np.float32)
        l2 = self.fold.penalty(np.diff(w.indptr).astype(np.float32), self.n_items)
        cut = np.searchsorted(w.indptr, np.arange(FOLDED, w.nnz, FOLDED))
        bounds = np.unique([0, *cut, w.shape[0]])
        for begin, end in pairwise(bounds):
            at = slice(w.indptr[begin], w.indptr[end])
            used, column = np.unique(w.indices[at], return_inverse=True)
            indptr = w.indptr[begin : end + 1].astype(np.int64) - w.indptr[begin]
            systems = Systems(indptr, column.astype(np.int32), w.data[at], target[at], self._fold_rows(used), gram,
                              l2[begin:end])  # fmt: skip
            solve_rows(systems, x[begin:end])
        return x

    def _fold_rows(self, item: I32 | slice) -> F32:
        """What histories are folded in on: item factors; a user's bias is a factor beside ones.  # (n, rank or + 1)"""
        y = self.item_factors[item]
        return y if self.user_bias is None else np.column_stack([y, np.ones(len(y), np.float32)])

    @property
    def _fold_gram(self) -> F32:
        return self.gram if self.user_bias is None else np.pad(self.gram, (0, 1))

    @cached_property
    def _fold_items(self) -> tuple[F32, F32]:
        """The rows of all items, and their Gram matrix."""
        return self._fold_rows(slice(None)), self._fold_gram

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        x, bias, something = self.user_rows(queries)
        nothing = np.float32(np.nan)
        if item is None:
            score = inner(x, self.item_factors) + bias[:, None]  # (B, n_items)
            if self._bias is not None:
                score += np.where(self.known, self._bias, nothing)
        else:
            known, at = in_table(item, self.n_items)
            score = np.einsum("bf,bmf->bm", x, self.item_factors[at]) + bias[:, None]  # (B, m)
            if self._bias is not None:
                score += self._bias[at]
            score = np.where(known & self.known[at], score, nothing)
        score[~something] = nothing
        return score

    def recommend(
        self, queries: Queries, k: int, candidates: ItemLists | None = None, exclude: ItemLists | None = None
    ) -> Slates:
        if candidates is not None:
            return super().recommend(queries, k, candidates, exclude)
        x, bias, something = self.user_rows(queries)
        if len(x) < MANY and self._index is not None:
            item, score = self._index.top(x, k, exclude=exclude)
        else:
            item, score = topk(x, self.item_factors, self._bias, k, self.items.tie, exclude=exclude)
        none = ~something[:, None] | ~np.isfinite(score)
        return Slates(np.where(none, np.int32(-1), item), np.where(none, np.float32(np.nan), score + bias[:, None]))

    def warm(self) -> None:
        _ = self._index, self._bias, self.directions
        if not isinstance(self.item_factors, Packed):
            _ = self._fold_items

    @cached_property
    def _index(self) -> Index | None:
        """What few queries at a time are answered from, made by the first of them."""
        if isinstance(self.item_factors, Packed):
            return None
        return prepare(self.item_factors, self._bias, self.items.tie)

    def similar(self, item: I32, k: int) -> Slates:
        return nearest(item, self.directions, self.known, k, self.items.tie)

    @cached_property
    def directions(self) -> F32 | Packed:
        """Item factors of unit length: their inner product is the cosine.  # (n_items, rank)"""
        if isinstance(self.item_factors, Packed):
            return self.item_factors.directions
        length = np.linalg.norm(self.item_factors, axis=1, keepdims=True)
        return np.asarray(self.item_factors / np.maximum(length, np.float32(1e-12)), np.float32)

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        """Return how much of the folded-in score each history item is owed: t_j w_j y_i A^-1 y_j (Hu et al. 2008).

        What a fitted row or a bias adds beyond that stands as a part without an item.
        """
        w, target = self.interactions(queries)
        of = np.arange(len(item)) if of is None else of
        indptr, indices, at = w.indptr.astype(np.int64), w.indices, item
        if isinstance(self.item_factors, Packed):  # only the rows that are needed become float32
            used, column = np.unique(np.concatenate([indices, item]), return_inverse=True)
            y, gram = self._fold_rows(used), self._fold_gram
            indices, at = column[: len(indices)].astype(np.int32), column[len(indices) :].astype(np.int32)
        else:
            y, gram = self._fold_items
        l2 = self.fold.penalty((indptr[1:] - indptr[:-1]).astype(np.float32), self.n_items)
        return self.told(queries, item, of, w, owed(Systems(indptr, indices, w.data, target, y, gram, l2), at, of))

    def told(self, queries: Queries, item: I32, of: I64, w: CSR, owed: F32) -> Contributions:
        """Return what is owed to the items of each row's history, and what the scores have beyond that.

        w (B, n_items): the histories; owed: for each item the entries of its query's row, one after the other.
        """
        start, length = w.indptr[of].astype(np.int64), np.diff(w.indptr)[of].astype(np.int64)
        x, bias, something = self.user_rows(queries)
        total = np.einsum("mf,mf->m", x[of], self.item_factors[item]) + bias[of]
        if self._bias is not None:
            total += self._bias[item]
        total[~something[of]] = np.nan
        of_row = np.repeat(np.arange(len(item)), length)
        rest = total - np.bincount(of_row, owed, minlength=len(item)).astype(np.float32)
        offset = offsets(length + 1)
        last = offset[1:] - 1
        items, weight = np.full(offset[-1], -1, np.int32), np.empty(offset[-1], np.float32)
        of_item = np.ones(offset[-1], np.bool_)
        of_item[last] = False
        items[of_item], weight[of_item] = w.indices[ranges(start, length)], owed
        weight[last] = rest
        return Contributions(
            offset, items, weight, np.where(of_item, 0, 1).astype(np.int32), (*self.reasons, "overall")
        )

    def query_vectors(self, queries: Queries) -> F32:
        """Return x_u; with biases (x_u, 1, b_u).  # (B, rank) or (B, rank + 2)"""
        x, bias, _ = self.user_rows(queries)
        return x if self.item_bias is None else np.column_stack([x, np.ones_like(bias), bias])

    @property
    def item_vectors(self) -> F32:
        """y_i; with biases (y_i, mean + b_i, 1).  # (n_items, rank) or (n_items, rank + 2)"""
        y = self.item_factors[:]
        if self.item_bias is None:
            return y
        bias = self.item_bias + np.float32(self.mean)
        return np.column_stack([y, bias, np.ones_like(bias)])
