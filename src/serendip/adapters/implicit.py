"""Recommenders of the library implicit (Frederickson, 2016, github.com/benfred/implicit) in our shapes.

What comes of it is arrays: it is kept, served, explained and compressed as if it had been fitted here.
"""

import copy
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import F32, columns_used
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.kernels.gram import gram
from serendip.models.contract import learnable
from serendip.models.factors import Factors, FoldIn
from serendip.models.itemweights import ItemWeights
from serendip.models.pairwise import FOLD

LEAST = 1e-6  # a weight that counts as nothing beside unobserved pairs of weight 1


def fit(recommender: Any, data: Dataset) -> Factors | ItemWeights:
    """Return what a recommender comes to that is trained on the interactions of the data; it is left as it was.

    Raises:
        UserError: there is nothing to learn from, or the recommender is of no known kind.
    """
    kind = type(recommender)
    if not kind.__module__.startswith("implicit."):
        raise UserError(f"{kind.__name__} is of {kind.__module__.partition('.')[0]}, not of implicit")
    learnable(data, kind.__name__)
    trained = copy.deepcopy(recommender)
    trained.fit(data.matrix, show_progress=False)
    return model(trained, data)


def model(trained: Any, data: Dataset) -> Factors | ItemWeights:
    """Return a recommender that was trained on `data.matrix`: ALS, BPR, logistic MF, or an item-item one.

    A fitted user's scores are the library's own. Whoever brings another history is folded in: by ALS's equations, where
    all interactions weigh the same exactly as the library does with `recalculate_user`; for BPR by ridge regression.

    Raises:
        UserError: it is not trained, was trained on other data, or is of no known kind.
    """
    known = columns_used(data.matrix)
    similarity = getattr(trained, "similarity", None)
    if similarity is not None:
        check(trained, data, similarity.shape[0], None)
        weights = csr_matrix(similarity, dtype=np.float32)
        weights.sort_indices()
        return ItemWeights(data.users, data.items, data.fitted_rules, weights, known)
    x, y = (array(getattr(trained, name, None)) for name in ("user_factors", "item_factors"))
    if x is None or y is None:
        raise UserError(
            f"{type(trained).__name__} has neither factors nor similarities: train it first on data.matrix, and take "
            "one of implicit's ALS, BPR, LogisticMatrixFactorization or ItemItemRecommender"
        )
    check(trained, data, len(y), len(x))
    fold, unobserved = fold_of(trained, data)
    return Factors(
        data.users, data.items, data.fitted_rules, x, y, data.history.fingerprint(), known, fold,
        np.float32(unobserved) * gram(y), item_weight=None if fold is FOLD else weight_of(trained, data),
    )  # fmt: skip


def fold_of(trained: Any, data: Dataset) -> tuple[FoldIn, float]:
    """Return how histories are folded in, and the weight of unobserved pairs.

    ALS of implicit solves (Y'Y + sum_j (c_j - 1) y_j y_j' + l2) x = sum_j c_j y_j with c_j = alpha v_j: our w_j is
    c_j - 1 and our target c_j / w_j, on the mean v.
    """
    if not hasattr(trained, "alpha"):
        return FOLD, FOLD.unobserved
    least = float(weight_of(trained, data)[0])
    return FoldIn(float(trained.regularization), unobserved=1.0, target=float(trained.alpha) / least), 1.0


def weight_of(trained: Any, data: Dataset) -> F32:
    """Return what an interaction's weight is multiplied by to be the weight beyond that of any pair.  # (n_items,)"""
    mean = float(data.matrix.data.mean())
    return np.full(data.n_items, max(float(trained.alpha) - 1 / mean, LEAST), np.float32)


def array(factors: Any) -> F32 | None:
    """Return factors as float32 in memory; those of a graphics card are copied from there."""
    if factors is None:
        return None
    return np.ascontiguousarray(factors.to_numpy() if hasattr(factors, "to_numpy") else factors, np.float32)


def check(trained: Any, data: Dataset, n_items: int, n_users: int | None) -> None:
    """Raise a UserError where the sizes are those of other data."""
    if n_items != data.n_items or n_users not in (None, data.n_users):
        users = data.n_users if n_users is None else n_users
        raise UserError(
            f"{type(trained).__name__} was trained on {users} users and {n_items} items, and the data has "
            f"{data.n_users} and {data.n_items}: train it on data.matrix of the same data"
        )
