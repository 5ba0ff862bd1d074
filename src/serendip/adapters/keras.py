"""Keras models (keras.io) as models of ours: two id inputs, or one input of features; kept as text and arrays."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from serendip.adapters.pairs import Pairs
from serendip.arrays import F32, I32, Bool, columns_used, in_table
from serendip.data.dataset import Dataset
from serendip.data.queries import Queries
from serendip.errors import UserError
from serendip.models.baseline import Baseline
from serendip.models.contract import Model, learnable

ROWS = 100_000  # pairs that go through the network at once


@dataclass(frozen=True)
class KerasPairs(Model):
    """score(q, i) = what the network makes of the user's and the item's index, or of the table of the pair.

    config: the architecture as Keras writes it; weights: its arrays in Keras' order. known_users (n_users,), known
    (n_items,): who and what the network has seen; with ids, anyone else is unknown to it. pairs: what it is told,
    None for ids.
    """

    reads_users: ClassVar[bool] = True

    config: str
    weights: tuple[F32, ...]
    known_users: Bool
    known: Bool
    pairs: Pairs | None = None

    def warm(self) -> None:
        _ = self._network

    @cached_property
    def _network(self) -> Any:
        network = _keras().models.model_from_json(self.config)
        network.set_weights([np.asarray(array) for array in self.weights])
        return network

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        asked = np.arange(self.n_items, dtype=np.int32)[None].repeat(len(queries), 0) if item is None else item
        known, at = in_table(asked, self.n_items)
        if self.pairs is None:
            hot, user = in_table(queries.user, self.n_users)
            known = known & self.known[at] & (hot & self.known_users[user])[:, None]
        score = np.full(asked.shape, np.nan, np.float32)
        step = max(1, ROWS // max(asked.shape[1], 1))
        for b in range(0, len(queries), step):
            some = slice(b, b + step)
            if self.pairs is None:
                told: Any = [np.repeat(user[some], asked.shape[1]), at[some].ravel()]
            else:
                told = np.nan_to_num(self.pairs.rows(queries.rows(some), at[some]))
            if asked[some].size:
                score[some] = self._out(told).reshape(asked[some].shape)
        return np.where(known, score, np.float32(np.nan))

    def _out(self, told: Any) -> F32:
        return np.asarray(self._network.predict(told, batch_size=ROWS, verbose=0), np.float32)


@dataclass(frozen=True)
class KerasRatings(KerasPairs):
    """The same of a network whose output is a rating; the baseline predicts it where the network knows nothing."""

    baseline: Baseline = field(kw_only=True)

    def predict(self, queries: Queries, item: I32) -> F32:
        score = self.score(queries, item[:, None])[:, 0]
        plain = self.baseline.ratings(queries, item, np.zeros(len(item), np.float32))
        rating = np.where(np.isnan(score), plain, np.clip(score, *self.baseline.clip))
        return np.asarray(rating, np.float32)


def model(trained: Any, data: Dataset, *, ratings: bool = False) -> KerasPairs:
    """Return a Keras model that was trained on indices of the data, [data.user, data.item], or on `pairs.lesson`.

    With two inputs the first is the user's index, the second the item's; with one input it is the table of pairs, NaN
    put as 0. ratings: its output is a rating, data.value: then it is judged by rmse and mae too.

    Raises:
        UserError: it has other inputs, more than one number for a pair, or ratings are asked for and there are none.
    """
    learnable(data, trained.name)
    if len(trained.inputs) not in (1, 2) or len(trained.outputs) != 1:
        raise UserError(
            f"{trained.name} has {len(trained.inputs)} inputs and {len(trained.outputs)} outputs: a model of pairs has "
            "two inputs (user and item index) or one (the table of serendip.adapters.pairs), and one output"
        )
    if any(n not in (1, None) for n in trained.outputs[0].shape[1:]):
        raise UserError(
            f"{trained.name} gives {trained.outputs[0].shape[1:]} numbers for a pair and one is a score: end it in a "
            "Dense(1)"
        )
    pairs = None if len(trained.inputs) == 2 else Pairs.of(data)
    if pairs is not None and trained.inputs[0].shape[-1] not in (len(pairs.names), None):
        raise UserError(
            f"{trained.name} takes {trained.inputs[0].shape[-1]} features and the table of serendip.adapters.pairs has "
            f"{len(pairs.names)} of this data: train it on pairs.lesson(data)"
        )
    if ratings and not data.rated.any():
        raise UserError(f"{trained.name} is to predict ratings and the events have none: leave out ratings=True")
    matrix = data.ratings if ratings else data.matrix
    common = (
        data.users, data.items, data.fitted_rules, trained.to_json(),
        tuple(np.asarray(array, np.float32) for array in trained.get_weights()), np.diff(matrix.indptr) > 0,
        columns_used(matrix), pairs,
    )  # fmt: skip
    return KerasRatings(*common, baseline=Baseline.of(matrix)) if ratings else KerasPairs(*common)


def _keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")  # what the extra brings; counts if Keras is not loaded yet
    try:
        import keras
    except ImportError:
        raise UserError("Keras is not installed: pip install 'serendip[keras]'") from None
    return keras
