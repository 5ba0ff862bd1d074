"""Sparse matrices kept small: values in float16, or in 8 bits with a scale a row, made float32 where they are used."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, I64, rows_of
from serendip.kernels.packed import unpacked
from serendip.models.packed import BLOCK, packed


@dataclass(frozen=True)
class PackedCSR:
    """A sparse matrix of float32: values, times scale[:, None] where there is one.

    values (n, m) CSR: the bits of float16 in uint16 (SciPy's CSR holds no float16) without scale, or int8 with
    scale (n,) float32, a row's greatest |x| over 127.
    """

    values: CSR
    scale: F32 | None = None

    @classmethod
    def of(cls, matrix: CSR, to: str) -> Self:
        """Return the matrix in `to`: float16 or int8."""
        row = rows_of(matrix)
        most = np.zeros(matrix.shape[0], np.float32)
        np.maximum.at(most, row, np.abs(matrix.data))
        data = packed(matrix.data, most[row], to)
        values = like(matrix, data.view(np.uint16) if to == "float16" else data)
        return cls(values, None if to == "float16" else most / np.float32(127))

    @property
    def shape(self) -> tuple[int, int]:
        """As of any matrix."""
        return self.values.shape[0], self.values.shape[1]

    def __getitem__(self, rows: I32 | I64) -> CSR:
        """Return rows in float32.  # (R,) -> (R, m)"""
        part = self.values[rows]
        data = unpacked(part.data)
        return like(part, data if self.scale is None else data * self.scale[rows][rows_of(part)])

    def columns(self, at: I32 | I64) -> CSR:
        """Return columns as rows of float32.  # (R,) -> (R, n)"""
        part = self._transposed[at]
        data = unpacked(part.data)
        return like(part, data if self.scale is None else data * self.scale[part.indices])

    def warm(self) -> None:
        """Make now what the first `columns` would wait for."""
        _ = self._transposed

    @cached_property
    def _transposed(self) -> CSR:
        return self.values.T.tocsr()

    def at(self, row: I32 | I64, column: I32 | I64) -> F32:
        """Return single numbers, 0 where none is stored.  # (N,), (N,) -> (N,)"""
        if not len(row):
            return np.empty(0, np.float32)
        part = unpacked(np.asarray(self.values[row, column]).ravel())
        return part if self.scale is None else part * self.scale[row]

    def times(self, x: CSR) -> F32:
        """Return x times this matrix, NaN where nothing met.  # (B, n) -> (B, m)"""
        out = np.full((x.shape[0], self.shape[1]), np.nan, np.float32)
        columns = x.tocsc()
        used = np.flatnonzero(np.diff(columns.indptr))
        stored = np.cumsum(np.diff(self.values.indptr)[used])
        cut = np.searchsorted(stored, np.arange(0, stored[-1] if len(stored) else 0, BLOCK))
        for rows in np.split(used, np.unique(cut[cut > 0])):
            product = csr_matrix(columns[:, rows] @ self[rows])
            where = rows_of(product), product.indices
            before = out[where]
            out[where] = np.where(np.isnan(before), 0, before) + product.data
        return out


def like(matrix: CSR, data: Any) -> CSR:
    """Return a matrix with the structure of another: shared, not copied."""
    made = csr_matrix(matrix.shape, dtype=data.dtype)
    made.data, made.indices, made.indptr = data, matrix.indices, matrix.indptr
    return made
