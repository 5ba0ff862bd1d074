"""What an algorithm's docstring says: its maths, its cost, when to use it and when not, and an example that runs."""

import doctest
import inspect
import io
import re
from importlib import import_module
from pathlib import Path

import pytest

from serendip.kernels import compiled
from serendip.registry import ALGORITHMS, load

SOURCE = Path(__file__).parents[2] / "src"
PARTS = {  # which paragraph says it, and by which words
    "what is minimised or computed": (0, r"^(min |[\w(), .]+ [=~] )"),
    "its time": (1, r"\b[Tt]ime\b"),
    "its memory": (1, r"\b(memory|bytes)\b"),
    "when to use it": (2, r"^Use it "),
    "when not": (2, r"[.;:] Not\s"),
    "an example": (3, r"^>>> import serendip\n"),
}
MOST_LINES = 6
NAMES = {**ALGORITHMS, "latentclasses": "serendip.models.latentclasses:LatentClasses"}  # which asks, and ranks nothing
NEEDS = {"gbt": "lightgbm", "stacked": "lightgbm"}


def paragraphs(name: str) -> list[str]:
    """Return the docstring of an algorithm's class in paragraphs."""
    text: str = load(name, NAMES, "algorithm").__doc__
    return inspect.cleandoc(text).split("\n\n")


def run(text: str, name: str) -> None:
    """Run the examples of a text."""
    said = io.StringIO()
    tests = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    doctest.DocTestRunner(verbose=False).run(tests, out=said.write)
    assert not said.getvalue(), said.getvalue()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_says(name: str, part: str) -> None:
    said = paragraphs(name)
    place, words = PARTS[part]
    assert len(said) > place and re.search(words, said[place]), (
        f"the docstring of {name} does not say {part} in paragraph {place + 1}"
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_short_and_its_own(name: str) -> None:
    *_, example = said = paragraphs(name)
    assert len(said) == 1 + max(place for place, _ in PARTS.values()), f"{name} has {len(said)} paragraphs"
    assert len(example.splitlines()) <= MOST_LINES, f"the example of {name} has {len(example.splitlines())} lines"
    assert f"{load(name, NAMES, 'algorithm').__name__}(" in example


@pytest.mark.parametrize(
    "native", [True, False] if compiled.native else [False], ids=lambda on: "C++" if on else "NumPy"
)
@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs(name: str, native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"{NEEDS[name]} is not installed: {name} grows its trees by it")
    monkeypatch.setattr(compiled, "native", native)
    monkeypatch.setattr(compiled, "_said", [True])
    run("\n\n".join(paragraphs(name)), name)


def module(path: Path) -> str:
    """Return the name of the module in a file."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


OTHERS = {
    module(path) for path in SOURCE.rglob("*.py") if ">>> " in path.read_text(encoding="utf-8")
} - {where.partition(":")[0] for where in NAMES.values()}  # fmt: skip


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_an_example_elsewhere_runs(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0
