"""Sections of RESULTS.md and other pages: each benchmark rewrites its own and leaves the others alone."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

RESULTS = Path(__file__).parent / "RESULTS.md"


def write_section(name: str, body: str, page: Path = RESULTS) -> None:
    """Write `body` between the markers of section `name` of a page, at its end where there are none yet."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n{body.strip()}\n{end}"
    text = page.read_text(encoding="utf-8") if page.exists() else "# Results\n"
    if begin in text:
        before, _, rest = text.partition(begin)
        text = before + section + rest.partition(end)[2]
    else:
        text = f"{text.rstrip()}\n\n{section}\n"
    page.write_text(text, encoding="utf-8")


def processor() -> str:
    """Return the processor's name with its family and model, as /proc/cpuinfo has them where there is one."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    told: dict[str, str] = {}
    for line in info.read_text().splitlines():
        key, _, value = line.partition(":")
        told.setdefault(key.strip(), value.strip())
    return f"{told.get('model name', platform.machine())}, family {told.get('cpu family')}, model {told.get('model')}"


def machine(*packages: str) -> str:
    """Return the day, the machine and the versions that a table was made with."""
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in ("serendip", "numpy", "scipy", "polars", *packages))
    cores = psutil.cpu_count()
    return (f"{datetime.now(UTC):%Y-%m-%d}, {cores} cores ({processor()}), {memory:.0f} GiB, Python "
            f"{platform.python_version()}, {versions}")  # fmt: skip
