"""Estimators of scikit-learn (Pedregosa et al., JMLR 12, 2011) as models: of pairs, and nearest neighbours of items."""

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import csr_matrix

from serendip.adapters.pairs import Pairs, lesson
from serendip.arrays import F32, I32, columns_used, in_table
from serendip.data.dataset import Dataset
from serendip.data.queries import Queries
from serendip.errors import UserError
from serendip.models.contract import Model, learnable
from serendip.models.itemweights import ItemWeights

ROWS = 200_000  # pairs described at once


@dataclass(frozen=True)
class EstimatedPairs(Model):
    """score(q, i) = the probability of having taken i, or what a regressor predicts, from the table of the pair.

    It needs no fitted user: whoever asks is described by the history that comes with the question. It lives in this
    process.
    """

    reads_users: ClassVar[bool] = True

    estimator: Any
    pairs: Pairs

    @property
    def name(self) -> str:
        """What it is called beside others: as scikit-learn calls it."""
        return type(self.estimator).__name__

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        asked = np.arange(self.n_items, dtype=np.int32)[None].repeat(len(queries), 0) if item is None else item
        known, index = in_table(asked, self.n_items)
        score = np.empty(asked.shape, np.float32)
        step = max(1, ROWS // max(asked.shape[1], 1))
        for b in range(0, len(queries), step):
            at = slice(b, b + step)
            table = self.pairs.rows(queries.rows(at), index[at])
            score[at] = self._estimated(table).reshape(asked[at].shape)
        return np.where(known, score, np.float32(np.nan))

    def _estimated(self, table: F32) -> F32:
        if not len(table):
            return np.empty(0, np.float32)
        if hasattr(self.estimator, "predict_proba"):
            return np.asarray(self.estimator.predict_proba(table)[:, 1], np.float32)
        return np.asarray(self.estimator.predict(table), np.float32)


def fit(estimator: Any, data: Dataset, *, negatives: int = 4, seed: int = 0) -> Model:
    """Return what an estimator comes to that is trained on the data; it is left as it was.

    A classifier or a regressor learns from `pairs.lesson`, by default beside 4 negatives. A NearestNeighbors learns the
    items, each by who took it.

    Raises:
        UserError: there is nothing to learn from, or it is neither classifier, regressor nor NearestNeighbors.
    """
    learnable(data, type(estimator).__name__)
    trained = copy.deepcopy(estimator)
    if hasattr(trained, "kneighbors_graph") and not hasattr(trained, "predict"):
        return neighbours(trained.fit(data.matrix.T.tocsr()), data)
    table, label = lesson(data, negatives, seed)
    return model(trained.fit(table, label), data)


def model(trained: Any, data: Dataset) -> EstimatedPairs:
    """Return a classifier or a regressor that was trained on `pairs.lesson`, asked with all of the data as history.

    Raises:
        UserError: it cannot predict.
    """
    if not hasattr(trained, "predict_proba") and not hasattr(trained, "predict"):
        raise UserError(
            f"{type(trained).__name__} predicts nothing: take a classifier, a regressor or NearestNeighbors"
        )
    return EstimatedPairs(data.users, data.items, data.fitted_rules, trained, Pairs.of(data))


def neighbours(trained: Any, data: Dataset) -> ItemWeights:
    """Return a NearestNeighbors over items (a row an item, by who took it or by anything else) as item-to-item weights.

    An item's likeness to a neighbour at distance d is 1 - d for the cosine, else 1 / (1 + d). It is kept and served.

    Raises:
        UserError: it knows another number of items than the data.
    """
    if trained.n_samples_fit_ != data.n_items:
        raise UserError(
            f"{type(trained).__name__} was trained on {trained.n_samples_fit_} items and the data has {data.n_items}: "
            "give it one row an item"
        )
    graph = csr_matrix(trained.kneighbors_graph(mode="distance"), dtype=np.float32)  # without the item itself
    cosine = trained.effective_metric_ == "cosine"
    like = np.maximum(1 - graph.data, 0) if cosine else 1 / (1 + graph.data)
    weights = csr_matrix((like.astype(np.float32), graph.indices, graph.indptr), graph.shape).T.tocsr()  # by neighbour
    weights.eliminate_zeros()
    weights.sort_indices()
    known = columns_used(data.matrix)
    return ItemWeights(data.users, data.items, data.fitted_rules, weights, known)
