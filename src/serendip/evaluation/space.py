"""Where tuning looks: for each hyperparameter a range or choices around its default, within the declared bounds."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from serendip.models.contract import Algorithm
from serendip.models.hyperparameter import Hyperparameter

AWAY = 16.0  # how many times the default, up and down, on a logarithmic scale
COST = {"rank": 4.0, "epochs": 2.0, "neighbours": 8.0}  # those whose growth costs time and memory
NARROW = 10.0  # bounds as wide as this are looked through from end to end
HOW = frozenset({"solver", "steps", "block", "sweeps", "init_std"})  # how a result is computed, not which

Settings = Mapping[str, object]


@dataclass(frozen=True)
class Range:
    """Values from low to high, both included. optional: None is one more value."""

    low: float
    high: float
    log: bool
    whole: bool
    optional: bool = False


@dataclass(frozen=True)
class Choices:
    """One of some values."""

    values: tuple[object, ...]


Axis = Range | Choices


def space(algorithm: Algorithm) -> dict[str, Axis]:
    """Return the axes of the hyperparameters that can be tuned, by name; the algorithm's own values lie within.

    Left out: texts and tuples without choices, how a result is computed (`solver`, `block`, ...), where a default of 0
    has wide bounds and no range of its own is declared.
    """
    found = {}
    for name, declared in algorithm.hyperparameters().items():
        axis = None if name in HOW else axis_of(declared, getattr(algorithm, name))
        if axis is not None:
            found[name] = axis
    return found


def axis_of(declared: Hyperparameter, value: object) -> Axis | None:
    """Return the axis of one hyperparameter around a value, None where there is none."""
    if declared.search is not None and declared.search[0] == declared.search[1]:
        return None
    if declared.choices is not None:
        return Choices(declared.choices)
    if declared.kind is bool:
        return Choices((False, True))
    if declared.kind not in (int, float) or declared.low is None or declared.high is None:
        return None
    whole, number = declared.kind is int, value if isinstance(value, (int, float)) else None
    if declared.search is not None:
        low, high = declared.search
        if number is not None:
            low, high = min(low, number), max(high, number)
        return Range(low, high, declared.log and low > 0, whole, declared.optional)
    wide = declared.log or declared.high - declared.low > NARROW or 0 < (number or 0) * NARROW * 10 <= declared.high
    if not wide:
        return Range(declared.low, declared.high, False, whole, declared.optional)
    if not number:
        return None
    away = COST.get(declared.name.split("_")[0], AWAY)
    low, high = max(declared.low, number / away), min(declared.high, number * away)
    if whole:
        low, high = max(round(low), 1), round(high)
    return Range(low, high, True, whole, declared.optional) if low < high else None


def drawn(axes: Mapping[str, Axis], generator: np.random.Generator) -> dict[str, object]:
    """Return a random point of a space."""
    return {name: one(axis, generator) for name, axis in axes.items()}


def one(axis: Axis, generator: np.random.Generator) -> object:
    """Return a random value: uniform, or uniform in the logarithm."""
    if isinstance(axis, Choices):
        return axis.values[int(generator.integers(len(axis.values)))]
    if axis.optional and generator.random() < 0.25:
        return None
    if axis.log:
        value = float(np.exp(generator.uniform(np.log(axis.low), np.log(axis.high))))
    else:
        value = float(generator.uniform(axis.low, axis.high))
    return int(np.clip(round(value), axis.low, axis.high)) if axis.whole else float(f"{value:.3g}")
