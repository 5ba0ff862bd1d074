"""The fitted shape of factorisations whose factors lean on attributes: those of a newcomer follow from them alone."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix, hstack

from serendip.arrays import CSR, F32, I64, Bool
from serendip.data.ids import Ids
from serendip.data.queries import Queries
from serendip.kernels.als import solve_rows
from serendip.kernels.system import Systems
from serendip.models.encoder import Encoder
from serendip.models.factors import Factors, FoldIn

WEIGHTS = {"text": 1.0, "category": 1.0, "number": 1.0, "vector": 1.0}  # of the attributes of each kind


@dataclass(frozen=True)
class Leaning:
    """What attributes say of factors: m = f B, f being 1 and the encoded attributes.

    encoder: None where there are no attributes; coefficients (1 + n_features, rank) float32. shrinkage: interactions at
    which what they say counts as much as m.
    """

    encoder: Encoder | None
    coefficients: F32
    shrinkage: float = 0.0

    def features(self, about: pl.DataFrame | None, n: int) -> CSR:
        """Return f of n users or items.  # (n, 1 + n_features)"""
        f: CSR = csr_matrix(np.ones((n, 1), np.float32))
        if self.encoder is None:
            return f
        none = csr_matrix(np.zeros((n, self.encoder.n_features), np.float32))
        f = hstack([f, none if about is None else self.encoder.encode(about)], format="csr", dtype=np.float32)
        return f

    def means(self, about: pl.DataFrame | None, n: int) -> F32:
        """Return m of n users or items.  # (n, rank)"""
        return np.asarray(self.features(about, n) @ self.coefficients, np.float32)

    def shrunk(self, x: F32, m: F32, count: I64) -> F32:
        """Return the factors of those with so many interactions, nearer to what attributes say.

        Whoever has few was met by few, and that the others passed by says little: the loss takes it for a no.
        (n, rank), (n, rank), (n,) -> (n, rank)
        """
        own = (count / np.maximum(count + self.shrinkage, 1e-9)).astype(np.float32)[:, None]
        return np.asarray(m + own * (x - m), np.float32)


@dataclass(frozen=True)
class FeatureFactors(Factors):
    """score(u, i) = x_u y_i, where x_u lies near m_u and y_i near m_i, what the attributes of u and of i say.

    A history is folded in beside m_u; without a history x_u = m_u, and a new item has y_i = m_i.
    """

    reads_users: ClassVar[bool] = True

    user_leaning: Leaning = field(kw_only=True)
    item_leaning: Leaning = field(kw_only=True)

    def user_rows(self, queries: Queries) -> tuple[F32, F32, Bool]:
        n = len(queries)
        user, hot = self._fitted_rows(queries)
        x = np.zeros((n, self.rank), np.float32)
        x[hot] = self.user_factors[user[hot]]
        cold = np.flatnonzero(~hot)
        if len(cold):
            part = queries.rows(cold)
            w, _ = self.interactions(part)
            x[cold] = m = self.user_leaning.means(part.user_features, len(cold))
            solve_near(w, np.asarray(self.item_factors[:]), self.gram, self.fold, x, cold)
            x[cold] = self.user_leaning.shrunk(x[cold], m, np.diff(w.indptr))
        return x, np.zeros(n, np.float32), np.ones(n, np.bool_)

    def extend(self, items: Ids, item_features: pl.DataFrame) -> "FeatureFactors":
        """Return the model with new items, each as its attributes say; one without any stays unknown."""
        new = item_features[self.n_items :]
        f = self.item_leaning.features(new, len(new))
        return replace(
            self,
            items=items,
            item_factors=np.concatenate([self.item_factors[:], np.asarray(f @ self.item_leaning.coefficients)]),
            known=np.concatenate([self.known, np.diff(f.indptr) > 1]),
        )


def solve_near(
    w: CSR, y: F32, gram: F32, fold: FoldIn, x: F32, at: I64,
    threads: int | None = None,
) -> None:  # fmt: skip
    """Solve min sum_j w_j (1 - x y_j)^2 + x gram x' + l2 |x - m|^2 for rows `at` of x, which hold m, in place.

    The penalty is `rank` more interactions, with unit vectors for items. A row of w without interactions keeps m.
    """
    some = np.flatnonzero(np.diff(w.indptr))
    if not len(some):
        return
    rank, rows = y.shape[1], at[some]
    l2 = fold.penalty(np.diff(w.indptr)[some].astype(np.float32), w.shape[1])[:, None]  # (n, 1)
    near = csr_matrix(
        (np.broadcast_to(l2, (len(some), rank)).ravel(), np.tile(np.arange(rank, dtype=np.int32), len(some)),
         np.arange(len(some) + 1, dtype=np.int64) * rank), shape=(len(some), rank),
    )  # fmt: skip
    both = hstack([w[some], near], format="csr", dtype=np.float32)
    target = hstack([w[some], csr_matrix((near.data * x[rows].ravel(), near.indices, near.indptr), shape=near.shape)],
                    format="csr", dtype=np.float32)  # fmt: skip
    found, items = x[rows].copy(), np.vstack([y, np.eye(rank, dtype=np.float32)])
    nothing = np.full(len(some), 1e-6, np.float32)  # of a penalty on x itself
    indptr = both.indptr.astype(np.int64)
    solve_rows(Systems(indptr, both.indices, both.data, target.data, items, gram, nothing), found, threads=threads)
    x[rows] = found
