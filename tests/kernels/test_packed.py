"""Inner products with packed rows: the kernel against its twin, on every instruction set, and float16 against NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.kernels.packed import packed_dot, packed_dot_numpy, unpacked

ISAS = ["portable", "avx2", ""]
FINITE = np.concatenate([np.arange(0x7C00), np.arange(0x8000, 0xFC00)]).astype(np.uint16)  # all float16 but inf and NaN


def test_unpacked_is_exact_for_every_finite_float16() -> None:
    assert np.array_equal(unpacked(FINITE.view(np.float16)), FINITE.view(np.float16).astype(np.float32))
    assert np.array_equal(unpacked(FINITE), FINITE.view(np.float16).astype(np.float32))


@pytest.mark.parametrize("isa", ISAS)
def test_the_kernel_is_exact_for_every_finite_float16(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERENDIP_ISA", isa)
    values = FINITE.view(np.float16)
    wide = np.zeros((len(values), 16), np.float16)
    wide[:, 3] = values  # through vectors; the column alone goes number by number
    pick = np.zeros((1, 16), np.float32)
    pick[0, 3] = 1
    for x, rows in ((np.ones((1, 1), np.float32), values[:, None]), (pick, wide)):
        assert np.array_equal(packed_dot(x, rows, None)[0], values.astype(np.float32))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [np.float16, np.int8])
@given(
    users=st.integers(0, 9), items=st.integers(0, 200), rank=st.integers(1, 70), scaled=st.booleans(),
    threads=st.integers(1, 3), seed=st.integers(0, 99),
)  # fmt: skip
def test_against_the_twin(
    isa: str, dtype: type, users: int, items: int, rank: int, scaled: bool, threads: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(-127, 128, (items, rank)).astype(dtype)
    q, scale = rng.standard_normal((users, rank)).astype(np.float32), rng.random(items, np.float32) if scaled else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERENDIP_ISA", isa)
        score = packed_dot(q, values, scale, threads=threads)
    assert score.shape == (users, items)
    assert np.allclose(score, packed_dot_numpy(q, values, scale), rtol=1e-4, atol=1e-2)


def test_equal_rows_score_exactly_equal() -> None:
    rng = np.random.default_rng(3)
    q = rng.standard_normal((5, 33)).astype(np.float32)
    values = np.tile(rng.integers(-127, 128, (1, 33)).astype(np.int8), (130, 1))
    score = packed_dot(q, values, np.full(130, 0.1, np.float32))
    assert (score == score[:, :1]).all()
    assert np.array_equal(score[2:3], packed_dot(q[2:3], values, np.full(130, 0.1, np.float32)))


def test_what_does_not_fit_is_refused() -> None:
    q, values = np.zeros((2, 3), np.float32), np.zeros((4, 3), np.int8)
    with pytest.raises(ValueError, match="equal rank"):
        packed_dot(q[:, :2], values, None)
    with pytest.raises(ValueError, match="float16 or int8"):
        packed_dot(q, values.astype(np.float32), None)
    with pytest.raises(ValueError, match="one entry"):
        packed_dot(q, values, np.zeros(3, np.float32))
