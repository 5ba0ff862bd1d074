"""A client of the server of the small shop."""

from collections.abc import Iterator

import httpx
import pytest


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client
