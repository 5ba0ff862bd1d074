"""The documents keep step with the catalogue, and the catalogue with the code."""

import re
from pathlib import Path

import pytest

from serendip.metrics import ranking, ties
from serendip.metrics.catalogue import CATALOGUE, Definition, table

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_the_table_of_the_docs_is_the_catalogue() -> None:
    assert table() in PAGE


@pytest.mark.parametrize("definition", CATALOGUE.values(), ids=CATALOGUE)
def test_every_metric_has_its_section(definition: Definition) -> None:
    assert re.search(rf"^### .*`{definition.name}(@k)?`", PAGE, re.MULTILINE)
    assert definition.sentence.endswith(".")


def test_the_docs_know_no_metric_that_is_not_there() -> None:
    titles = re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
    assert {name for title in titles for name in re.findall(r"`(\w+)(?:@k)?`", title)} == set(CATALOGUE)


def test_every_ranking_metric_is_computed_from_slates_and_from_scores() -> None:
    names = {d.name for d in CATALOGUE.values() if d.kind == "ranking"}
    assert names == set(ranking.FUNCTIONS) == set(ties.FUNCTIONS)
