"""Algorithms within an algorithm: written as text, so that a hybrid is plain data too."""

from dataclasses import replace

from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.models.contract import Algorithm, Model, Run
from serendip.models.hyperparameter import parted
from serendip.registry import ALGORITHMS, load


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
