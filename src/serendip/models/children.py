"""Algorithms within an algorithm: written as text, so that a hybrid is plain data too."""

from collections.abc import Iterable
from dataclasses import replace

from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.models.contract import Algorithm, Model, Run
from serendip.models.cost import Size
from serendip.models.hyperparameter import parted
from serendip.registry import ALGORITHMS, load

APART = 100  # bytes of an event of a part of the data: its columns, and while interactions are made of it

Fits = list[tuple[Algorithm, Size]]


def algorithm(text: str) -> Algorithm:
    """Return the algorithm of `name` or `name:field=value:field=value`; of hybrids `name:algorithms=(one:...,another)`.

    Raises:
        UserError: there is no such algorithm or hyperparameter, or the text is of another form.
    """
    name, *settings = parted(text, ":")
    pairs = [setting.partition("=") for setting in settings]
    for field, equals, _ in pairs:
        if not equals:
            raise UserError(f"{text!r}: write {field} as field=value, as in als:rank=32:epochs=10")
    found: Algorithm = load(name, ALGORITHMS, "algorithm").configured({field: value for field, _, value in pairs})
    return found


def fitted(algorithms: tuple[str, ...], data: Dataset, run: Run) -> tuple[Model, ...]:
    """Return what the data teaches each of the algorithms."""
    return tuple(algorithm(text).fit(data, run=replace(run, start=None)) for text in algorithms)


def fits(algorithms: Iterable[str], size: Size) -> Fits:
    """Return the fits of algorithms on data of one size."""
    return [(algorithm(text), size) for text in algorithms]


def held(fits: Fits) -> float:
    """Return the bytes of fits one after the other whose models are kept: none keeps more than its fit holds."""
    return sum(cost.memory for one, size in fits if (cost := one.cost(size)) is not None)


def most(fits: Fits) -> float:
    """Return the bytes of fits one after the other of which only one model is kept."""
    return max((held([fit]) for fit in fits), default=0.0)
