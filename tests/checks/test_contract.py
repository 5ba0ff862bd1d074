"""Every registered algorithm keeps the contract; what one is known to break is listed with its reason."""

import pytest

from serendip.checks import CHECKS, Check
from serendip.models.contract import Algorithm
from serendip.registry import ALGORITHMS, load

KNOWN_FAILURES: dict[tuple[str, str], str] = {
    ("logistic", "finds the withheld"): "nothing is multiplied, so everyone gets the items in the same order",
    ("logistic", "beats popularity"): "nothing is multiplied, so everyone gets the items in the same order",
    ("baseline", "finds the withheld"): "it knows nothing of taste: the order of items is the same for everyone",
    ("slopeone", "finds the withheld"): "over users of opposite tastes the differences of two items cancel out",
}


def made(name: str) -> Algorithm:
    algorithm: Algorithm = load(name, ALGORITHMS, "algorithm")()
    return algorithm


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
@pytest.mark.parametrize("name", ALGORITHMS)
def test_contract(name: str, check: Check) -> None:
    algorithm = made(name)
    if not check.applies(algorithm):
        assert not algorithm.ranks or not algorithm.uses & {"user", "history"}
        return
    if (name, check.name) in KNOWN_FAILURES:
        with pytest.raises(AssertionError):
            check.run(algorithm)
    else:
        check.run(algorithm)
