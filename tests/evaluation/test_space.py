"""Every algorithm's own defaults lie in its space, and what is drawn from it is an algorithm."""

import numpy as np
import pytest

from serendip.evaluation.space import Choices, Range, drawn, space
from serendip.models.als import ALS
from serendip.models.contract import Algorithm
from serendip.models.ease import EASE
from serendip.models.itemknn import ItemKNN
from serendip.registry import ALGORITHMS, load


def made(name: str) -> Algorithm:
    algorithm: Algorithm = load(name, ALGORITHMS, "algorithm")()
    return algorithm


@pytest.mark.parametrize("name", ALGORITHMS)
def test_defaults_lie_within_and_draws_can_be_made(name: str) -> None:
    algorithm = made(name)
    axes = space(algorithm)
    for field, axis in axes.items():
        value = getattr(algorithm, field)
        if isinstance(axis, Choices):
            assert value in axis.values
        else:
            assert axis.optional if value is None else axis.low <= value <= axis.high
    generator = np.random.default_rng(1)
    for _ in range(20):
        assert algorithm.set(**drawn(axes, generator)).name == name


def test_bounds_follow_from_what_is_declared() -> None:
    l2 = space(EASE(l2=100.0))["l2"]
    assert l2 == Range(100 / 16, 1600.0, True, False)
    of_als = space(ALS())
    assert "solver" not in of_als and "block" not in of_als
    assert of_als["rank"] == Range(16, 256, True, True)
    assert of_als["unobserved"] == Range(1e-3, 1.0, True, False, optional=True)
    of_knn = space(ItemKNN())
    assert isinstance(of_knn["weighting"], Choices) and of_knn["shrinkage"] == Range(0.0, 100.0, False, False)


def test_around_what_is_given_within_the_bounds() -> None:
    rank = space(ALS(rank=2048))["rank"]
    assert isinstance(rank, Range) and (rank.low, rank.high) == (512, 2048)
