"""The store on both databases: whatever is asked of `store` is asked of SQLite and of PostgreSQL."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from serendip.store.store import Store

Place = Callable[[], str]


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Return what names a new store at each call."""
    if request.param == "postgres":
        fresh: Place = request.getfixturevalue("postgres")
        return fresh
    number = count()
    return lambda: str(tmp_path / f"{next(number)}.db")


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with Store.open(place()) as store:
        yield store
