"""What the pages show runs: Python in one namespace a page, commands in one folder a page, TOML as settings."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from serendip.cli import status
from serendip.config import parse

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md"]
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SERENDIP = Path(sys.executable).with_name("serendip")


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of one language, in order."""
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


def having(language: str) -> list[Path]:
    """Return the pages that have a block of a language."""
    return [page for page in PAGES if blocks(page, language)]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def folder(files: Path, tmp_path: Path) -> Path:
    """Return a folder of one's own with the small files in it."""
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    return tmp_path


RUN_AS_DOCTESTS = ROOT / "docs/algorithms.md"  # by tests/docs/test_algorithms.py


@pytest.mark.parametrize("page", [page for page in having("python") if page != RUN_AS_DOCTESTS], ids=name)
def test_python(page: Path, folder: Path) -> None:
    script = folder / "page.py"
    script.write_text("\n".join(blocks(page, "python")), encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", having("console"), ids=name)
def test_commands(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    if page.name != "README.md":  # which has the whole portfolio
        (folder / "serendip.toml").write_text('[training]\nalgorithms = ["popular", "itemknn", "ease"]\n')
    ran = 0
    for line in commands(page):
        words = shlex.split(line, comments=True)
        if words[:2] == ["serendip", "serve"]:
            serve(words, folder)
        elif words[0] == "serendip":
            assert status(words[1:]) == 0, f"{line}\n{capfd.readouterr()}"
        elif words[0] == "make":
            done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
        elif words[0] == "curl":
            continue  # what it asks for is held by test_http
        else:
            assert line in ("pip install .", "python docs/generate.py"), f"what does {line!r} do in {name(page)}?"
        ran += 1
    assert ran


def commands(page: Path) -> Iterator[str]:
    """Yield the lines of console blocks that begin with $."""
    for block in blocks(page, "console"):
        for line in block.splitlines():
            assert line.startswith("$ "), f"{name(page)}: a console block holds commands, each after '$ ', not {line!r}"
            yield line.removeprefix("$ ")


def serve(words: list[str], folder: Path) -> None:
    """Start the server, see it ready, and stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [SERENDIP, *words[1:], "--port", str(port)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert "Serving on" in line, line + process.stdout.read()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.mark.parametrize("page", having("toml"), ids=name)
def test_settings(page: Path) -> None:
    for block in blocks(page, "toml"):
        parse(tomllib.loads(block), name(page))


def test_no_page_has_a_block_of_a_language_that_nobody_runs() -> None:
    known = {"python", "console", "toml", "text", "json", "http"}
    for page in PAGES:
        found = {language for language, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
        assert found <= known, f"{name(page)} has blocks of {', '.join(found - known)}"
