"""What an estimator of another library is told of a user and an item, the same when it learns and when it is asked."""

from dataclasses import dataclass

import numpy as np

from serendip.arrays import F32, I32, columns_used
from serendip.data.dataset import Dataset
from serendip.data.queries import Queries
from serendip.data.split import last_share
from serendip.errors import UserError
from serendip.models.described import Described, Standing
from serendip.models.fields import Fields

NOBODY = Standing((), ())  # no other model is asked
SHARE = 0.2  # of each user's events, the later ones, which are to be foreseen


@dataclass(frozen=True)
class Pairs:
    """The table of pairs: popularity and age of an item, activity of a user, likeness of attributes, categories.

    A column holds NaN where nothing is known; the last `described.n_codes` columns are codes, 0 for what is missing.
    """

    described: Described

    @staticmethod
    def of(data: Dataset) -> "Pairs":
        """Return the table that a data set describes; what comes later is not in it."""
        return Pairs(Described.of(data, Fields.of(data)))

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return self.described.names(())

    def rows(self, queries: Queries, item: I32) -> F32:
        """Return the rows of the items of each query, one query after the other.  # (B, m) -> (B m, n_features)"""
        row = np.repeat(np.arange(len(queries)), item.shape[1])
        return self.described.rows(queries, NOBODY, row, item.ravel())


def lesson(data: Dataset, negatives: int = 4, seed: int = 0) -> tuple[F32, F32]:
    """Return what an estimator learns from: rows (N, n_features), and 1 for what was taken, 0 for what was not (N,).

    The last fifth of each user's events is to be foreseen from the others; beside each of its items, if somebody had
    taken it by then, stand `negatives` that the user never took, drawn at random from such items.

    Raises:
        UserError: nothing can be withheld.
    """
    parts = last_share(data, SHARE)
    early, late = parts.train, parts.test.matrix.tocoo()
    met = columns_used(early.matrix)
    there = met[late.col]  # else to be nobody's so far would be a sign of being taken
    who, what = late.row[there].astype(np.int32), late.col[there].astype(np.int32)
    if not len(who):
        raise UserError("there is nothing to learn from: no user has two interactions, one to be foreseen")
    user = np.repeat(who, negatives)
    item = np.random.default_rng(seed).choice(np.flatnonzero(met).astype(np.int32), len(user))
    taken = data.matrix
    free = np.asarray(taken[user, item]).ravel() == 0
    user, item = np.r_[who, user[free]], np.r_[what, item[free]]
    label = np.r_[np.ones(len(who), np.float32), np.zeros(int(free.sum()), np.float32)]
    who, row = np.unique(user, return_inverse=True)
    table = Pairs.of(early).described.rows(early.queries(who), NOBODY, row.astype(np.int64), item)
    table[:, np.isnan(table).all(axis=0)] = 0  # of a column that says nothing some estimators make an error
    return table, label
