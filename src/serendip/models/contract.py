"""The contract: an algorithm holds hyperparameters, a model holds what fitting learned, and neither is the other."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

import numpy as np
import polars as pl

from serendip.arrays import CSR, F32, I32, I64, ItemLists
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
from serendip.data.interactions import InteractionRules
from serendip.data.queries import Queries
from serendip.data.slates import Contributions, Slates, stacked
from serendip.errors import UserError, nearest
from serendip.kernels.topk import topk_dense
from serendip.models.cost import Cost, Size
from serendip.models.hyperparameter import Hyperparameter, declared, unknown

SCORES = 64_000_000  # scores held at once while slates are made (float32: 256 MB)

Progress = Callable[[str, int, int], None]  # what, how many are done, of how many


@dataclass(frozen=True)
class Run:
    """What a fit is told that is no hyperparameter.

    threads: how many, None for all cores. progress: called with (what, done, of). validation: a part carved
    from the training events, for early stopping. start: a model to go on from. device: for torch.
    """

    threads: int | None = None
    seed: int = 0
    progress: Progress | None = None
    validation: Dataset | None = None
    start: "Model | None" = None
    device: str = "cpu"

    def report(self, what: str, done: int, of: int) -> None:
        """Tell the progress."""
        if self.progress is not None:
            self.progress(what, done, of)


@dataclass(frozen=True)
class Model(ABC):
    """What fitting learned: frozen arrays, safe to share between threads.

    A query that brings items or users at or beyond these id tables (newer than the model) is answered from the rest.
    """

    users: Ids
    items: Ids
    rules: InteractionRules
    algorithm: ClassVar[str] = ""
    reads_users: ClassVar[bool] = False  # a query's user_features: they are read for a slate only where a model asks

    @property
    def n_users(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @abstractmethod
    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        """Return the score of every item, or of the given ones; NaN where the model knows nothing.

        item (B, m) int32 -> (B, m) float32; without it (B, n_items). -1, the padding, and an item newer than the model
        score NaN.
        """

    def recommend(
        self, queries: Queries, k: int, candidates: ItemLists | None = None, exclude: ItemLists | None = None
    ) -> Slates:
        """Return the k best items of each query: exactly k columns, padded with -1 where fewer are known.

        Descending by score; ties by the seeded hash of the item's id. Only `candidates`, never `exclude`.
        """
        width = self.n_items if candidates is None else int(np.diff(candidates.offset).max(initial=1))
        step = max(1, SCORES // max(width, 1))
        return stacked([self._slates(queries, slice(b, b + step), k, candidates, exclude)
                        for b in range(0, len(queries), step)], k)  # fmt: skip

    def _slates(
        self, queries: Queries, at: slice, k: int, candidates: ItemLists | None, exclude: ItemLists | None
    ) -> Slates:
        if at.stop - at.start < len(queries):
            queries, exclude = queries.rows(at), None if exclude is None else exclude.rows(at)
            candidates = None if candidates is None else candidates.rows(at)
        item = None if candidates is None else candidates.padded()  # (b, m)
        return Slates(*topk_dense(self.score(queries, item), k, self.items.tie, item=item, exclude=exclude))


@dataclass(frozen=True)
class Algorithm(ABC):
    """Hyperparameters, checked when made; `fit` turns data into a model and leaves both itself and the data alone.

    Raises:
        UserError: a hyperparameter is of the wrong type or out of its bounds.
    """

    name: ClassVar[str]
    uses: ClassVar[frozenset[str]]  # out of user, history, order, context, item_features, user_features
    ranks: ClassVar[bool] = True  # False: made to predict ratings; its order of items is a by-product
    continues: ClassVar[bool] = False  # True: e epochs more from `run.start` are the same as one longer fit

    def __post_init__(self) -> None:
        for hyperparameter in self.hyperparameters().values():
            hyperparameter.check(getattr(self, hyperparameter.name), self.name)

    @abstractmethod
    def fit(self, data: Dataset, *, run: Run = Run()) -> Model:
        """Return the model that the data teaches.

        Raises:
            UserError: there is nothing to learn from.
        """

    def cost(self, size: Size) -> Cost | None:
        """Return what a fit on data of this size costs, None where there is no formula."""
        return None

    def fits(self, size: Size) -> "Sequence[tuple[Algorithm, Size]]":
        """Return the fits of other algorithms within one on data of this size, each with the size of its data.

        The operations of `cost` are those beside these fits, its memory is that of all.
        """
        return ()

    @classmethod
    def hyperparameters(cls) -> dict[str, Hyperparameter]:
        """Return what can be set, by name."""
        return declared(cls)

    @classmethod
    def configured(cls, settings: Mapping[str, object]) -> Self:
        """Return the algorithm with hyperparameters given by name, as text or values.

        Raises:
            UserError: a name is not known (the nearest is named) or a value does not fit.
        """
        known = cls.hyperparameters()
        for name in settings:
            if name not in known:
                raise unknown(name, cls.name, list(known))
        values: dict[str, Any] = {name: known[name].parse(value, cls.name) for name, value in settings.items()}
        return cls(**values)

    def settings(self) -> dict[str, object]:
        """Return the hyperparameters as plain data: `configured` of it is this algorithm."""
        return {name: getattr(self, name) for name in self.hyperparameters()}

    def set(self, **changes: object) -> Self:
        """Return the algorithm with some hyperparameters changed."""
        return type(self).configured({**self.settings(), **changes})


def learnable(data: Dataset, name: str) -> None:
    """Raise a UserError where the data has no interactions that an algorithm could learn from."""
    if len(data) == 0 or data.matrix.nnz == 0:
        raise UserError(
            f"{name} has nothing to learn from: the {len(data)} events come to no interaction under the weights and "
            "the threshold in use"
        )


def learnable_ratings(data: Dataset, name: str, instead: str) -> CSR:
    """Return the ratings that an algorithm learns from.  # (n_users, n_items)

    Raises:
        UserError: there are none; `instead` names an algorithm that needs none.
    """
    if not data.rated.any():
        raise UserError(f"{name} learns from ratings and the events have none: use {instead}")
    return data.ratings


def learnable_attributes(
    features: pl.DataFrame | None, columns: tuple[str, ...], name: str, of: Literal["users", "items"]
) -> pl.DataFrame:
    """Return the attributes of users or items that an algorithm learns from.

    Raises:
        UserError: there are none, or one of `columns` is not among them.
    """
    if features is None:
        table = {"users": "a users table (--users)", "items": "an items table (--items)"}[of]
        raise UserError(f"{name} needs attributes of {of} and there are none: give {table}")
    for column in columns:
        if column not in features.columns:
            raise UserError(f"{name}: {of} have no attribute {column!r}{nearest(column, features.columns)}")
    return features


@runtime_checkable
class Similar(Protocol):
    """Knows which items are like an item."""

    def similar(self, item: I32, k: int) -> Slates:
        """Return the k items most like each, itself left out.  # (B,) -> (B, k)"""
        ...


@runtime_checkable
class Explains(Protocol):
    """Can say where a score came from."""

    def explain(self, queries: Queries, item: I32, of: I64 | None = None) -> Contributions:
        """Return the contributions to the score of each item; they sum to it.  # item (M,)

        of (M,): the query that each item is asked for, ascending; item n is query n's where it is not given.
        """
        ...


@runtime_checkable
class Extends(Protocol):
    """Takes up new items through their features."""

    def extend(self, items: Ids, item_features: pl.DataFrame) -> Model:
        """Return a model of a longer item table (of which its own is a prefix), features one row an index."""
        ...


@runtime_checkable
class Describes(Protocol):
    """Takes up other attributes of items that it knows."""

    def described(self, item: I32, item_features: pl.DataFrame) -> Model:
        """Return a model for which these items have these attributes, one row each.  # item (M,)"""
        ...


@runtime_checkable
class Warms(Protocol):
    """Keeps something that the first question would have to wait for."""

    def warm(self) -> None:
        """Make it now."""
        ...


@runtime_checkable
class Embeds(Protocol):
    """Scores by an inner product, so that an index can serve it."""

    def query_vectors(self, queries: Queries) -> F32:
        """Return a vector a query.  # (B, rank)"""
        ...

    @property
    def item_vectors(self) -> F32:
        """A vector an item: the inner product with a query's is its score.  # (n_items, rank)"""
        ...


@runtime_checkable
class Predicts(Protocol):
    """Predicts ratings, for unknown users and items too."""

    def predict(self, queries: Queries, item: I32) -> F32:
        """Return the rating predicted for one item a query, on the scale of the data.  # item (B,) -> (B,)"""
        ...
