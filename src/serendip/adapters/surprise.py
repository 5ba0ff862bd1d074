"""Algorithms of the library Surprise (Hug, JOSS 5(52), 2020, doi:10.21105/joss.02174) as models that predict ratings.

Its SVD with biases is kept and served as ours is; any other algorithm lives in this process.
"""

import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from serendip.arrays import CSR, F32, I32, Bool
from serendip.data.dataset import Dataset
from serendip.data.queries import Queries
from serendip.errors import UserError
from serendip.models.contract import Model
from serendip.models.factorratings import FactorRatings
from serendip.models.factors import FoldIn
from serendip.models.ratings import scale_of

NOBODY = object()  # a raw id that no training set holds


def trainset(data: Dataset) -> Any:
    """Return the ratings as Surprise's Trainset; raw ids are the external ones.

    Whoever has no rating is not in it.

    Raises:
        UserError: the events have no ratings, or the library is not installed.
    """
    try:
        from surprise import Trainset
    except ImportError:
        raise UserError("Surprise is not installed: pip install 'serendip[peers]'") from None
    r = data.ratings  # (n_users, n_items)
    if not r.nnz:
        raise UserError("Surprise learns from ratings and the events have none")
    users, items = np.flatnonzero(np.diff(r.indptr)), np.unique(r.indices)
    some = r[users][:, items].tocsr()
    raw_users, raw_items = ({ids[int(at)]: n for n, at in enumerate(which)}
                            for ids, which in ((data.users, users), (data.items, items)))  # fmt: skip
    return Trainset(_lists(some), _lists(some.T.tocsr()), *some.shape, r.nnz, scale_of(r), raw_users, raw_items)


def _lists(m: CSR) -> dict[int, list[tuple[int, float]]]:
    """Return the rows of a matrix as Surprise keeps them."""
    return {n: list(zip(m.indices[a:b].tolist(), m.data[a:b].tolist(), strict=True))
            for n, (a, b) in enumerate(pairwise(m.indptr))}  # fmt: skip


def fit(algorithm: Any, data: Dataset) -> Model:
    """Return what an algorithm comes to that is trained on the ratings of the data; it is left as it was.

    Raises:
        UserError: the events have no ratings.
    """
    return model(copy.deepcopy(algorithm).fit(trainset(data)), data)


def model(trained: Any, data: Dataset) -> Model:
    """Return a trained algorithm; raw ids of its own training set are found by their text.

    Raises:
        UserError: it is not trained.
    """
    taught = getattr(trained, "trainset", None)
    if taught is None:
        raise UserError(f"{type(trained).__name__} is not trained: call fit, or serendip.adapters.surprise.fit")
    users, items = ({str(raw): inner for raw, inner in raws.items()}
                    for raws in (taught._raw2inner_id_users, taught._raw2inner_id_items))  # fmt: skip
    user, item = (np.array([inner.get(id_, -1) for id_ in ids.series], np.int32)
                  for inner, ids in ((users, data.users), (items, data.items)))  # fmt: skip
    if type(trained).__name__ == "SVD" and trained.biased:
        return factors(trained, data, user, item)
    return Predicted(data.users, data.items, data.fitted_rules, trained, user, item)


def factors(trained: Any, data: Dataset, user: I32, item: I32) -> FactorRatings:
    """Return Surprise's SVD in our shape: r = mean + b_u + b_i + q_i p_u, each part where it is known."""

    def rows(array: Any, at: I32) -> F32:
        found = np.asarray(array, np.float32)[np.maximum(at, 0)]
        found[at < 0] = 0
        return found

    low, high = trained.trainset.rating_scale
    rank = trained.n_factors
    return FactorRatings(
        data.users, data.items, data.fitted_rules, rows(trained.pu, user), rows(trained.qi, item),
        data.history.fingerprint(), item >= 0, FoldIn(float(trained.reg_pu), frequency=1.0, ratings=True),
        np.zeros((rank, rank), np.float32), rows(trained.bu, user), rows(trained.bi, item),
        float(trained.trainset.global_mean), clip=(float(low), float(high)),
    )  # fmt: skip


@dataclass(frozen=True)
class Predicted(Model):
    """rating(u, i) = what the algorithm estimates, for unknown users and items too; an item without ratings scores NaN.

    user (n_users,), item (n_items,): Surprise's inner ids, -1 where it has none. A history that came later changes
    nothing.
    """

    trained: Any
    user: I32
    item: I32

    @property
    def name(self) -> str:
        """What it is called beside others: as Surprise calls it."""
        return type(self.trained).__name__

    def predict(self, queries: Queries, item: I32) -> F32:
        raw_user, raw_item = self._raw(self.user, queries.user, "user"), self._raw(self.item, item, "item")
        pairs = zip(raw_user, raw_item, strict=True)
        return np.array([self.trained.predict(u, i).est for u, i in pairs], np.float32)

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        asked = np.arange(self.n_items, dtype=np.int32)[None].repeat(len(queries), 0) if item is None else item
        known: Bool = self._inner(self.item, asked) >= 0
        row, column = np.nonzero(known)
        score = np.full(asked.shape, np.nan, np.float32)
        score[row, column] = self.predict(queries.rows(row), asked[row, column])
        return score

    def _inner(self, inner: I32, index: I32) -> I32:
        inside = (index >= 0) & (index < len(inner))
        return np.where(inside, inner[np.where(inside, index, 0)], np.int32(-1))

    def _raw(self, inner: I32, index: I32, what: str) -> list[object]:
        """Return raw ids, one that nobody has where there is none."""
        to_raw = getattr(self.trained.trainset, f"to_raw_{'uid' if what == 'user' else 'iid'}")
        return [to_raw(n) if n >= 0 else NOBODY for n in self._inner(inner, index).tolist()]
