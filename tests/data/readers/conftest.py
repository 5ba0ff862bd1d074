"""Small files made in the test, and a way to read one whole."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from serendip.data.readers import Columns, Plan, Reading, read, recognise

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

Write = Callable[..., Path]


@dataclass
class Whole:
    """All batches of one source together."""

    plan: Plan
    events: pl.DataFrame
    items: pl.DataFrame
    users: pl.DataFrame
    bad: pl.DataFrame
    rows: int
    loaded: int
    skipped: int
    notes: tuple[str, ...]

    @property
    def reasons(self) -> list[tuple[int, str]]:
        """Line and reason of each row in the quarantine."""
        return list(self.bad.select("line", "reason").iter_rows())


def whole(source: Any, columns: Columns | None = None, **settings: Any) -> Whole:
    """Read a source to its end and check that no row went missing."""
    plan = recognise(source, columns, Reading(**settings))
    batches = list(read(plan))
    made = Whole(
        plan,
        pl.concat([b.events for b in batches]),
        pl.concat([b.items for b in batches], how="diagonal_relaxed"),
        pl.concat([b.users for b in batches], how="diagonal_relaxed"),
        pl.concat([b.quarantine for b in batches]),
        sum(b.rows for b in batches),
        sum(b.loaded for b in batches),
        sum(b.skipped for b in batches),
        batches[-1].notes,
    )
    assert made.rows == made.loaded + made.bad.height
    return made


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes text or bytes to a file and gives its path."""

    def made(content: str | bytes, name: str = "events.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return made


@pytest.fixture(scope="session")
def real() -> Path:
    """Return the folder of real data, or skip."""
    folder = os.environ.get("SERENDIP_DATA")
    if not folder:
        pytest.skip("SERENDIP_DATA is not set: no real data here")
    return Path(folder)
