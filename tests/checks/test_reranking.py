"""Every registered re-ranker keeps the contract."""

import pytest

from serendip.checks.reranking import CHECKS, Check
from serendip.registry import RERANKERS, load


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", RERANKERS)
def test_contract(name: str, check: Check) -> None:
    check(load(name, RERANKERS, "re-ranker")())
