"""Every instruction set that this machine reaches: a test that takes `isa` runs once with each."""

from collections.abc import Iterator

import pytest

from serendip.kernels import compiled


def reachable() -> list[str]:
    if not compiled.native:
        return []  # the twins stand alone: nothing to compare
    with pytest.MonkeyPatch.context() as patch:
        found = []
        for name in ("portable", "avx2", "avx512"):
            patch.setenv("SERENDIP_ISA", name)
            if compiled.module.isa() == name:
                found.append(name)
        return found


@pytest.fixture(scope="module", params=reachable())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERENDIP_ISA", request.param)
        yield request.param
