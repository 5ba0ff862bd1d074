"""Demographic: popular with people like you in age, gender, occupation or whatever is known of users.

Pazzani, "A Framework for Collaborative, Content-Based and Demographic Filtering", AI Review 13, 1999; the shrinkage of
the lifts as in DuMouchel, "Bayesian Data Mining in Large Frequency Tables", The American Statistician 53(3), 1999,
with one gamma distribution a column, fitted by its moments.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from serendip.arrays import F32, F64, rows_of
from serendip.data.dataset import Dataset
from serendip.models.contract import Algorithm, Run, learnable, learnable_attributes
from serendip.models.cost import Cost, Size
from serendip.models.hyperparameter import hyper
from serendip.models.segments import Segmenter, Segments

COUNTED, COMPARED = 32, 48  # bytes of an interaction while segments are counted, of a segment's item while compared
MOST = 1e9  # shrinkage where segments differ no more than by chance


@dataclass(frozen=True)
class Demographic(Algorithm):
    """score(u, i) = log p_i + sum over u's segments s of log (n_si + a) / (N_s p_i + a), p_i the share of item i.

    n_si: how many of a segment took i; N_s: what they all took; a: learned, great where segments differ by chance.
    O(interactions columns) time, 4 segments n_items bytes.

    Use it for new users of whom something is known. Not for who has a history: that says more.

    >>> import serendip
    >>> users = {"user": list("abcdef"), "country": ["at", "at", "at", "it", "it", "it"]}
    >>> data = serendip.read({"user": list("abde"), "item": ["ski", "ski", "boat", "boat"]}, users=users)
    >>> model = serendip.Demographic().fit(data)
    >>> serendip.recommend(model, data, ["c", "f"], k=1)["item_id"].to_list()  # who have done nothing yet
    ['ski', 'boat']
    """

    name: ClassVar[str] = "demographic"
    uses: ClassVar[frozenset[str]] = frozenset({"user_features"})

    columns: tuple[str, ...] = hyper((), "Attributes to use; empty: all categories and numbers.")
    bands: int = hyper(5, "How many bands of about equally many people a number is cut into.", low=2, high=100)

    def fit(self, data: Dataset, *, run: Run = Run()) -> Segments:
        learnable(data, self.name)
        features = learnable_attributes(data.user_features, self.columns, self.name, "users")
        segmenter = Segmenter.of(features, self.columns or tuple(features.columns), self.bands)
        segment = segmenter.segments(features, data.n_users)  # (n_users, n_columns)
        x = data.matrix
        count = np.bincount(x.indices, minlength=data.n_items)
        share = np.where(count > 0, np.log(np.maximum(count, 1) / count.sum()), np.nan).astype(np.float32)
        lift = np.zeros((len(segmenter.keys), data.n_items), np.float32)
        user = rows_of(x)
        for c in range(segment.shape[1]):
            of = segment[user, c]  # (nnz,)
            mine = np.unique(segment[segment[:, c] >= 0, c])
            place = np.searchsorted(mine, of[of >= 0]) * data.n_items + x.indices[of >= 0]
            n = np.bincount(place, minlength=len(mine) * data.n_items).reshape(len(mine), data.n_items)
            lift[mine] = lifts(n.astype(np.float64))
        return Segments(data.users, data.items, data.fitted_rules, segmenter, share, lift)

    def cost(self, size: Size) -> Cost:
        about = pl.DataFrame() if size.user_features is None else size.user_features
        columns = [len(Segmenter.of(about, (c,), self.bands).keys) for c in self.columns or about.columns]
        table = (4 * sum(columns) + COMPARED * max(columns, default=0)) * size.n_items
        return Cost(table + COUNTED * size.pairs, len(columns) * size.pairs + sum(columns) * size.n_items)


def lifts(n: F64) -> F32:
    """Return log (n + a) / (e + a), e what would be expected if all segments were alike.  # (S, n_items) both

    n ~ Poisson(e t), t ~ Gamma(a, a): a = sum of e / (X - f), X = sum of (n - e)^2 / e being chi-squared, of which
    f, the degrees of freedom, are chance.
    """
    e = n.sum(axis=1, keepdims=True) * (n.sum(axis=0) / max(n.sum(), 1))
    some = e > 0
    free = max(int((n.sum(axis=1) > 0).sum()) - 1, 0) * max(int((n.sum(axis=0) > 0).sum()) - 1, 0)
    beyond = float(((n[some] - e[some]) ** 2 / e[some]).sum()) - free
    a = min(float(e.sum()) / beyond, MOST) if beyond > 0 else MOST
    return np.asarray(np.log((n + a) / (e + a)), np.float32)
