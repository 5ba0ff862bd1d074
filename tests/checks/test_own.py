"""A class of one's own against the suite: one that is right keeps it, and what is wrong is said in a sentence."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from serendip.checks import check
from serendip.errors import UserError
from serendip.models.contract import Algorithm, Model, Run, learnable
from serendip.models.hyperparameter import hyper
from serendip.models.popular import Popular


class Counts:
    """An object that scores and owes nothing to this library."""

    def __init__(self, train):
        self.count = np.bincount(train.item, minlength=train.n_items).astype(float)

    def score(self, queries):
        return np.tile(self.count, (len(queries), 1))


class Flat(Counts):
    def score(self, queries):
        return self.count


class Numbered(Counts):
    def __init__(self, train):
        self.taste = np.random.default_rng(0).random((train.n_users, train.n_items))

    def score(self, queries):
        return self.taste[queries.user]


class Drawn(Counts):
    def score(self, queries):
        return super().score(queries) + np.random.default_rng().random((len(queries), 1))


class Clearing(Counts):
    def score(self, queries):
        queries.history.item[:] = 0
        return super().score(queries)


class Counting(Counts):
    def score(self, queries):
        return super().score(queries) + np.arange(len(queries))[:, None]


class Dividing(Counts):
    def score(self, queries):
        return super().score(queries) / np.zeros(1)


class Naming(Counts):
    def score(self, queries):
        return [["good"] * len(self.count)] * len(queries)


WRONG = {
    Flat: "Flat.score gave 24 scores for 24 queries and 24 items",
    Numbered: "newer: IndexError in score, line .* of test_own.py: index 10000 is out of bounds",
    Drawn: "the same data and seed gave other scores the second time",
    Clearing: "queries untouched: score or recommend changed the item of the queries",
    Counting: "batches: a batch, and its queries one by one: .* scores differ",
    Dividing: "a score is infinite: NaN says that nothing is known of an item",
    Naming: "Naming.score gave what is no array of numbers",
    dict: "dict has no score|no attribute|object is not iterable",
}


def test_an_object_that_scores_keeps_the_suite():
    check(Counts)
    check(lambda train: Popular().fit(train))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_is_wrong_is_said(wrong):
    with pytest.raises(AssertionError, match=WRONG[wrong]):
        check(wrong)


def test_what_is_no_class_is_refused():
    with pytest.raises(UserError, match="give the class, or a function"):
        check(3)


@dataclass(frozen=True)
class Mean(Model):
    """Scores every item for whoever is asked about by all who are asked about: wrong on purpose."""

    def score(self, queries, item=None):
        score = queries.history.matrix(self.rules, self.n_items).toarray()
        score = score - score.mean()
        if item is None:
            return score
        inside = (item >= 0) & (item < self.n_items)
        return np.where(inside, np.take_along_axis(score, np.where(inside, item, 0), axis=1), np.nan)


@dataclass(frozen=True)
class Means(Algorithm):
    name: ClassVar[str] = "means"
    uses: ClassVar[frozenset[str]] = frozenset({"history"})

    fitted: bool = hyper(True, "Whether the fit comes to a model.")

    def fit(self, data, *, run=Run()):
        learnable(data, self.name)
        return Mean(data.users, data.items, data.fitted_rules) if self.fitted else None


def test_each_broken_promise_of_an_algorithm_has_its_line():
    with pytest.raises(AssertionError) as caught:
        check(Means)
    lines = dict(line.split(": ", 1) for line in str(caught.value).splitlines())
    assert lines["batches"].startswith("a batch, and its queries one by one")
    assert lines["persists"].startswith("a model of class Mean cannot be kept and served")
    assert lines["unknown"].startswith("an item without events has a score")
    assert "reproducible" not in str(lines.keys())
    with pytest.raises(AssertionError, match=r"reproducible.*: fit returned NoneType, which is no"):
        check(Means(fitted=False))
