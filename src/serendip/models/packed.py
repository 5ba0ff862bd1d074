"""Dense matrices kept small: rows in float16, or in 8 bits with a scale a row, made float32 a block at a time."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from serendip.arrays import CSR, F32, I8, I32, I64, ItemLists
from serendip.kernels.packed import packed_dot, unpacked
from serendip.kernels.topk import topk_dense, topk_dot

BLOCK = 1 << 22  # numbers made float32 at once: 16 MB
MANY = 128  # users from which on it pays to make item rows float32 for them all
Rows = I32 | I64 | slice


@dataclass(frozen=True)
class Packed:
    """A matrix of float32 in a half or a quarter of its memory: values, times scale[:, None] where there is one.

    values (n, m): float16, or int8 in units of scale (n,) float32, which is a row's greatest |x| over 127.
    """

    values: NDArray[np.float16] | I8
    scale: F32 | None = None

    @classmethod
    def of(cls, matrix: F32, to: str) -> Self:
        """Return the matrix in `to`: float16 or int8. Greater numbers than float16 holds become its greatest."""
        dtype: Any = np.float16 if to == "float16" else np.int8
        values, scale = np.empty(matrix.shape, dtype), np.ones(len(matrix), np.float32)
        step = max(1, BLOCK // max(matrix.shape[1], 1))
        for b in range(0, len(matrix), step):
            rows = slice(b, b + step)
            scale[rows] = np.abs(matrix[rows]).max(axis=1, initial=0)
            values[rows] = packed(matrix[rows], scale[rows, None], to)
        return cls(values, None if to == "float16" else scale / np.float32(127))

    @property
    def shape(self) -> tuple[int, int]:
        """As of any matrix."""
        return self.values.shape[0], self.values.shape[1]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Rows) -> F32:
        """Return rows in float32: a slice, or indices of any shape.  # (...) -> (..., m)"""
        part = unpacked(self.values[rows])
        return part if self.scale is None else np.multiply(part, self.scale[rows][..., None], out=part)

    def at(self, row: I32 | I64, column: I32 | I64) -> F32:
        """Return single numbers.  # (N,), (N,) -> (N,)"""
        part = unpacked(self.values[row, column])
        return part if self.scale is None else part * self.scale[row]

    def inner(self, x: F32) -> F32:
        """Return the inner product of rows with each row of x.  # (B, m) -> (B, n)"""
        return packed_dot(x, self.values, self.scale)

    def times(self, x: CSR) -> F32:
        """Return x times this matrix.  # (B, n) -> (B, m)"""
        out = np.zeros((x.shape[0], self.shape[1]), np.float32)
        columns = x.tocsc()
        used = np.flatnonzero(np.diff(columns.indptr))
        step = max(1, BLOCK // max(self.shape[1], 1))
        for b in range(0, len(used), step):
            rows = used[b : b + step]
            out += columns[:, rows] @ self[rows]
        return out

    @cached_property
    def directions(self) -> "Packed":
        """The rows at unit length: the same values, another scale."""
        length = np.empty(len(self), np.float32)
        for rows in self._blocks():
            length[rows] = np.linalg.norm(self[rows], axis=1)
        scale = np.float32(1) if self.scale is None else self.scale
        return Packed(self.values, np.asarray(scale / np.maximum(length, np.float32(1e-12)), np.float32))

    def topk(self, q: F32, bias: F32 | None, k: int, tie: I32, exclude: ItemLists | None) -> tuple[I32, F32]:
        """Do what `topk_dot` does over these rows.  # (B, m) -> (B, k), (B, k)"""
        if len(q) < MANY:
            scores = self.inner(q)  # (B, n)
            if bias is not None:
                scores += bias
            return topk_dense(scores, k, tie, exclude=exclude)
        best, score = np.full((len(q), 0), -1, np.int32), np.empty((len(q), 0), np.float32)
        for rows in self._blocks():
            part = None if bias is None else bias[rows]
            found, value = topk_dot(q, self[rows], part, k, tie[rows], exclude=in_block(exclude, rows))
            item = np.hstack([best, np.where(found >= 0, found + np.int32(rows.start), found)])
            best, score = topk_dense(np.hstack([score, value]), k, tie, item=item)
        return best, score

    def _blocks(self) -> list[slice]:
        step = max(1, BLOCK // max(self.shape[1], 1))
        return [slice(b, min(b + step, len(self))) for b in range(0, len(self), step)]


def packed(part: F32, most: F32, to: str) -> NDArray[Any]:
    """Return numbers in float16, or as 127ths of the greatest of their row in int8.  # most (n, 1) or as `part`"""
    if to == "float16":
        limit = np.finfo(np.float16).max
        return np.clip(part, -limit, limit).astype(np.float16)
    return np.rint(part * (np.float32(127) / np.maximum(most, np.float32(1e-30)))).astype(np.int8)


def inner(x: F32, y: F32 | Packed) -> F32:
    """Return x y'.  # (B, m), (n, m) -> (B, n)"""
    return y.inner(x) if isinstance(y, Packed) else x @ y.T


def topk(
    q: F32,
    y: F32 | Packed,
    bias: F32 | None,
    k: int,
    tie: I32,
    *,
    exclude: ItemLists | None = None,
) -> tuple[I32, F32]:
    """Return the k rows with the largest q_u . y_i + bias_i, as `topk_dot` does.  # (B, m), (n, m) -> (B, k), (B, k)"""
    if isinstance(y, Packed):
        return y.topk(q, bias, k, tie, exclude)
    return topk_dot(q, y, bias, k, tie, exclude=exclude)


def in_block(lists: ItemLists | None, block: slice) -> ItemLists | None:
    """Return the part of lists of items that lies within a block of items, counted from its start."""
    if lists is None:
        return None
    part = lists.where((lists.item >= block.start) & (lists.item < block.stop))
    return ItemLists(part.offset, part.item - np.int32(block.start))
