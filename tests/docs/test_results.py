"""The tables of results have every algorithm."""

import json
from pathlib import Path

import pytest

from serendip.registry import ALGORITHMS, load

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def measured(name: str) -> set[str]:
    """Return the algorithms that a file of rows has."""
    return {json.loads(line)["algorithm"] for line in (BENCHMARKS / name).read_text(encoding="utf-8").splitlines()}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_was_measured(name: str) -> None:
    assert name in measured("accuracy.jsonl") | measured("retail.jsonl")


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if load(name, ALGORITHMS, "algorithm").ranks])
def test_every_algorithm_that_ranks_was_measured_on_the_real_shop(name: str) -> None:
    assert name in measured("retail.jsonl")
