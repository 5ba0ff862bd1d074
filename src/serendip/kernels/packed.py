"""Inner products with rows in float16 or in 8 bits, without a float32 copy of them, and such numbers made float32."""

from typing import Any

import numpy as np
import numpy.typing as npt

from serendip.arrays import F32
from serendip.kernels import compiled

BLOCK = 1 << 18  # numbers made float32 at once: 1 MB, which stays in the cache
EXPONENT = np.float32(2.0**112)  # by so much is the exponent of float32 biased more than that of float16


def packed_dot(q: F32, values: npt.NDArray[Any], scale: F32 | None, *, threads: int | None = None) -> F32:
    """Return q_u . values_i, times scale_i where there is one.

    Each is one float32 sum in an order that depends on the rank alone: equal rows score exactly equal.

    Args:
        q: (B, rank) a row a user.
        values: (n, rank) float16 or int8.
        scale: (n,) float32, or None.
        threads: None means every core.

    Returns:
        (B, n) float32.

    Raises:
        ValueError: shapes or types that do not fit.
    """
    q, values = np.ascontiguousarray(q, np.float32), np.ascontiguousarray(values)
    if q.ndim != 2 or values.ndim != 2 or q.shape[1] != values.shape[1]:
        raise ValueError(f"q {q.shape} and values {values.shape} must be matrices of equal rank")
    if values.dtype not in (np.float16, np.int8):
        raise ValueError(f"values are float16 or int8, not {values.dtype}")
    if scale is not None and scale.shape != (len(values),):
        raise ValueError(f"scale {scale.shape} must have one entry for each of the {len(values)} rows")
    if not compiled.native:
        compiled.say_once()
        return packed_dot_numpy(q, values, scale)
    out = np.empty((len(q), len(values)), np.float32)
    threads = threads or compiled.default_threads()
    scale = None if scale is None else np.ascontiguousarray(scale, np.float32)
    if values.dtype == np.int8:
        compiled.module.dots_int8(q, values, scale, out, threads)
    else:
        compiled.module.dots_float16(q, values.view(np.uint16), scale, out, threads)
    return out


def packed_dot_numpy(q: F32, values: npt.NDArray[Any], scale: F32 | None) -> F32:
    """Do what `packed_dot` does, a block of rows at a time; equal up to the rounding of the sums."""
    out = np.empty((len(q), len(values)), np.float32)
    step = max(1, BLOCK // max(values.shape[1], 1))
    for b in range(0, len(values), step):
        rows = slice(b, b + step)
        out[:, rows] = np.einsum("uf,if->ui", q, unpacked(values[rows]))  # unlike BLAS it sums equal rows alike
        if scale is not None:
            out[:, rows] *= scale[rows]
    return out


def unpacked(values: npt.NDArray[Any]) -> F32:
    """Return int8 and float16, or its bits in uint16, as float32 in new memory; exact for finite numbers.

    NumPy makes float32 of float16 one by one. Here the bits are moved to where float32 has them, many at once.
    """
    if values.dtype == np.int8:
        return values.astype(np.float32)
    bits = values.view(np.uint16).astype(np.uint32)
    sign = (bits & 0x8000) << 16
    bits &= 0x7FFF
    bits <<= 13
    bits |= sign
    number: F32 = bits.view(np.float32)
    number *= EXPONENT
    return number
