"""The pages are in step with the declarations: generated parts are as they would be written now, and all is there."""

import dataclasses
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from serendip.cli import COMMANDS
from serendip.config import sections
from serendip.data.catalogue import SETS
from serendip.data.interactions import EVENT_TYPES
from serendip.metrics.catalogue import CATALOGUE
from serendip.registry import ALGORITHMS, load

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_in_step(generator: ModuleType) -> None:
    pytest.importorskip(
        "lightgbm", reason="lightgbm is not installed: what gbt and stacked can is told of their models"
    )
    for path, written in generator.pages().items():
        now = path.read_text(encoding="utf-8")
        assert now == written, f"{path.relative_to(ROOT)} is not in step with the code: run python docs/generate.py"


def test_every_generated_part_stands_in_a_page(generator: ModuleType) -> None:
    marked = {name for path in DOCS.rglob("*.md") for name in re.findall(r"<!-- generated: (\w+) -->", text(str(path)))}
    assert marked == set(generator.PARTS)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_algorithm(name: str) -> None:
    page = text("algorithms.md")
    section = page.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
    owner = load(name, ALGORITHMS, "algorithm")
    assert f"`serendip.{owner.__name__}`" in section
    for hyperparameter in owner.hyperparameters().values():
        assert f"| `{hyperparameter.name}` |" in section and hyperparameter.doc in section


@pytest.mark.parametrize("name", COMMANDS)
def test_command(name: str) -> None:
    assert f"\n## serendip {name}\n" in text("commands.md")


@pytest.mark.parametrize("section", sections())
def test_settings(section: str) -> None:
    for setting in dataclasses.fields(sections()[section]):
        assert f"| `[{section}]` | `{setting.name}` |" in text("start.md")
        assert setting.metadata["doc"].endswith(".")


@pytest.mark.parametrize("name", CATALOGUE)
def test_metric(name: str) -> None:
    assert re.search(rf"`{name}(@k)?`", text("metrics.md"))


@pytest.mark.parametrize("name", SETS)
def test_public_set(name: str) -> None:
    assert f"| `{name}` |" in text("data.md")


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_event_type(name: str) -> None:
    assert f"| `{name}` |" in text("start.md")
