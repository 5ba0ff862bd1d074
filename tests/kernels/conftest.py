"""Every instruction set that this machine reaches: a test that takes `isa` runs once with each."""

from collections.abc import Iterator

import pytest

from serendip.kernels import compiled


def reachable(*names: str) -> list[str]:
    if not compiled.native:
        return []  # the twins stand alone: nothing to compare
    with pytest.MonkeyPatch.context() as patch:
        found = []
        for name in names:
            patch.setenv("SERENDIP_ISA", name)
            if compiled.module.isa() == name:
                found.append(name)
        return found


def held(name: str) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERENDIP_ISA", name)
        yield name


@pytest.fixture(scope="module", params=reachable("portable", "avx2", "avx512"))
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    yield from held(request.param)


@pytest.fixture(scope="module", params=reachable("portable", "avx2", "avx512", "vnni"))
def isa_with_bytes(request: pytest.FixtureRequest) -> Iterator[str]:
    """AVX-512 without and with products of bytes: for kernels that know the difference."""
    yield from held(request.param)
