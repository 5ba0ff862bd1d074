"""The arrays that the whole project speaks: names of their types, and lists of items one after the other."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]
I8: TypeAlias = NDArray[np.int8]
I32: TypeAlias = NDArray[np.int32]
I64: TypeAlias = NDArray[np.int64]
U8: TypeAlias = NDArray[np.uint8]
U64: TypeAlias = NDArray[np.uint64]
Ints: TypeAlias = NDArray[np.integer]  # of any width
Bool: TypeAlias = NDArray[np.bool_]
CSR: TypeAlias = csr_matrix


def offsets(counts: Ints | Bool) -> I64:
    """Return where each of consecutive runs begins, and the end.  # (B,) -> (B + 1,)"""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def ranges(start: I64, count: I64) -> I64:
    """Return the positions start[b], ..., start[b] + count[b] - 1 for each b, one after the other."""
    total = offsets(count)
    return np.arange(total[-1], dtype=np.int64) + np.repeat(start - total[:-1], count)


def runs_of(offset: Ints) -> I64:
    """Return which of consecutive runs each place is in, of where they begin, and the end.  # (B + 1,) -> (nnz,)"""
    return np.repeat(np.arange(len(offset) - 1, dtype=np.int64), np.diff(offset))


def rows_of(matrix: CSR) -> I64:
    """Return the row of each stored number.  # (nnz,)"""
    return runs_of(matrix.indptr)


def pairs_of(matrix: CSR) -> I64:
    """Return each stored number's place as row * n_columns + column.  # (nnz,)"""
    pair = rows_of(matrix)
    pair *= matrix.shape[1]
    pair += matrix.indices
    return pair


def columns_used(matrix: CSR) -> Bool:
    """Return which columns store a number.  # (n, m) -> (m,)"""
    used: Bool = np.bincount(matrix.indices, minlength=matrix.shape[1]) > 0
    return used


def in_table(index: I32, n: int) -> tuple[Bool, I32]:
    """Return which indices are those of a table of n rows, and the indices, 0 in place of the others."""
    known = (index >= 0) & (index < n)
    return known, np.where(known, index, np.int32(0))


@dataclass(frozen=True)
class ItemLists:
    """A list of items a row: candidates of a query, or what to leave out. offset (B + 1,) int64, item (nnz,) int32."""

    offset: I64
    item: I32

    @staticmethod
    def of(matrix: CSR) -> "ItemLists":
        """Return the columns that each row of a matrix stores."""
        return ItemLists(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32, copy=False))

    @staticmethod
    def table(item: I32) -> "ItemLists":
        """Return the rows of a table as lists.  # (B, m)"""
        return ItemLists(np.arange(len(item) + 1, dtype=np.int64) * item.shape[1], item.ravel())

    def __len__(self) -> int:
        return len(self.offset) - 1

    def __getitem__(self, row: int) -> I32:
        return self.item[self.offset[row] : self.offset[row + 1]]

    @property
    def row(self) -> I64:
        """The row that each item stands in.  # (nnz,)"""
        return runs_of(self.offset)

    @property
    def place(self) -> I64:
        """The place of each item in its list, from 0.  # (nnz,)"""
        return np.arange(len(self.item)) - self.offset[self.row]

    def rows(self, index: I64 | slice) -> "ItemLists":
        """Return the lists of some rows."""
        start, count = self.offset[:-1][index], np.diff(self.offset)[index]
        return ItemLists(offsets(count), self.item[ranges(start, count)])

    def where(self, kept: Bool) -> "ItemLists":
        """Return the lists less the items that are not kept.  # (nnz,)"""
        return self if kept.all() else ItemLists(offsets(kept)[self.offset], self.item[kept])

    def padded(self) -> I32:
        """Return the lists as one table, filled up with -1.  # (B, longest)"""
        count = np.diff(self.offset)
        table = np.full((len(count), int(count.max(initial=0))), -1, np.int32)
        table[np.arange(table.shape[1]) < count[:, None]] = self.item
        return table
