"""A warmed model answers without making anything first, and as it did before."""

from dataclasses import replace
from functools import cached_property

import numpy as np
import pytest

from serendip.checks.toys import planted
from serendip.data.queries import Queries
from serendip.models.als import ALS
from serendip.models.compressed import compressed
from serendip.models.contract import Algorithm, Model, Similar, Warms
from serendip.models.itemknn import ItemKNN
from serendip.models.served import Served
from serendip.models.warm import warm


def made(model: Model) -> set[str]:
    """Names of what the model has kept so far."""
    kept = {name for name in dir(type(model)) if isinstance(getattr(type(model), name, None), cached_property)}
    return kept & set(vars(model))


@pytest.mark.parametrize("algorithm", [ALS(rank=8, epochs=2), ItemKNN()], ids=lambda a: a.name)
@pytest.mark.parametrize("to", [None, "int8"])
def test_nothing_is_left_to_make(algorithm: Algorithm, to: str | None) -> None:
    data = planted().data
    fitted = algorithm.fit(data)
    fitted = fitted if to is None else compressed(fitted, to)
    whole = Served(data.users, data.items, data.fitted_rules, replace(fitted), replace(fitted), replace(fitted))
    warm(whole)
    cold = replace(fitted)
    assert made(whole.fallback) == made(whole.main) and isinstance(whole.main, Warms)
    ready = made(whole.main)
    item = np.array([0, 3], np.int32)
    asked = [data.queries(item), Queries(np.full(2, -1, np.int32), data.queries(item).history)]
    for queries in asked:
        first, second = (model.recommend(queries, 5, exclude=queries.history.lists) for model in (cold, whole.main))
        np.testing.assert_array_equal(first.item, second.item)
        np.testing.assert_array_equal(first.score, second.score)
    for model in (cold, whole.main):
        assert isinstance(model, Similar)
        model.similar(item, 3)
    assert made(cold) <= ready == made(whole.main), "a question made what was not warmed"
