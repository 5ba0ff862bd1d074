"""What the project promises of its files: short, named as announced, nothing of a machine in them, no pickle."""

import ast
import re
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from serendip import FACES
from serendip.registry import ALGORITHMS, SHAPES

ROOT = Path(__file__).parents[2]
MOST_LINES = 600
SOURCES = (".py", ".cpp", ".hpp", ".js", ".css", ".html", ".j2")
PICKLERS = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
NO_PAPER = {"popular", "trending", "latest"}  # nobody's methods
CITED = re.compile(r"\b(19|20)\d\d\b|arXiv:|doi", re.IGNORECASE)
# written in parts, so that this file does not hold what it forbids
OF_A_MACHINE = re.compile("|".join(["/" + r"root/", "/" + r"home/\w", "/" + r"Users/\w"]))
HOST = re.compile(r"https?://([\w.-]+)")
HOSTS = {
    "127.0.0.1", "localhost", "serendip", "example.com", "www.apache.org", "vega.github.io",
    "www.w3.org", "schemas.openxmlformats.org",  # ours (one a name in deploy/nginx.conf), licence, names of schemas
    "files.grouplens.org", "raw.githubusercontent.com", "archive.ics.uci.edu",  # official addresses of public sets
}  # fmt: skip


def tracked() -> list[Path]:
    """Return the files of the project: what git would keep, else (no git, no repository) what lies in its folders."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        return [ROOT / name for name in listed if (ROOT / name).is_file()]
    except (OSError, subprocess.CalledProcessError):
        folders = ("src", "tests", "docs", "examples", "benchmarks")
        inside = (path for folder in folders for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts)
        return [path for path in [*ROOT.glob("*.*"), *inside] if path.is_file()]


TRACKED = tracked()


def text(path: Path) -> str | None:
    """Return what a text file holds, None for another."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def test_files_are_short() -> None:
    long = {}
    for path in TRACKED:
        if path.suffix in SOURCES:
            lines = len((text(path) or "").splitlines())
            if lines > MOST_LINES:
                long[str(path.relative_to(ROOT))] = lines
    assert not long, f"files of more than {MOST_LINES} lines: {long}"


def test_nothing_is_pickled() -> None:
    for path in TRACKED:
        if path.suffix != ".py" or not path.is_relative_to(ROOT / "src"):
            continue
        for node in ast.walk(ast.parse(text(path) or "")):
            names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            used = {name.partition(".")[0] for name in names} & PICKLERS
            assert not used, f"{path.relative_to(ROOT)} imports {used}"
            allows = isinstance(node, ast.keyword) and node.arg == "allow_pickle"
            assert not allows or (isinstance(node.value, ast.Constant) and node.value.value is False), path


def test_no_file_speaks_of_a_machine() -> None:
    for path in TRACKED:
        found = OF_A_MACHINE.search(text(path) or "")
        assert not found, f"{path.relative_to(ROOT)} holds the path of a machine: {found and found[0]}"


def test_no_file_names_another_host() -> None:
    for path in TRACKED:
        if path.is_relative_to(ROOT / "tests"):
            continue  # they name hosts that are not there, on purpose
        named = {host.rstrip(".") for host in HOST.findall(text(path) or "")}
        assert named <= HOSTS, f"{path.relative_to(ROOT)} names {', '.join(named - HOSTS)}"


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_has_its_reference(name: str) -> None:
    module = import_module(ALGORITHMS[name].partition(":")[0])
    sentence, _, reference = (module.__doc__ or "").partition("\n\n")
    assert sentence
    assert name in NO_PAPER or CITED.search(reference), f"{module.__name__} does not say where its method is from"


@pytest.mark.parametrize("name", FACES)
def test_a_name_of_the_package_is_there(name: str) -> None:
    module = import_module(FACES[name])
    assert getattr(module, name).__doc__


@pytest.mark.parametrize("name", SHAPES)
def test_a_fitted_shape_is_there(name: str) -> None:
    module, _, attribute = SHAPES[name].partition(":")
    assert getattr(import_module(module), attribute).__name__ == name
