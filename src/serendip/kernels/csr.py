"""What makes arrays a sparse matrix in compressed rows (CSR)."""

import numpy as np

from serendip.arrays import F32, I32, I64, Ints, ItemLists


def checked_csr(indptr: Ints, indices: Ints, data: F32, n_rows: int, n_columns: int) -> tuple[I64, I32, F32]:
    """Return the arrays of a matrix (n_rows, n_columns) as the kernels read them: contiguous, of the right types.

    Raises:
        ValueError: they are no such matrix in CSR.
    """
    begins, columns = np.ascontiguousarray(indptr, np.int64), np.ascontiguousarray(indices, np.int32)
    data = np.ascontiguousarray(data, np.float32)
    check_csr(begins, columns, n_rows, n_columns)
    if data.shape != columns.shape:
        raise ValueError(f"indices {columns.shape} and data {data.shape} must be equally long")
    return begins, columns, data


def checked_lists(lists: ItemLists, n_rows: int, n_items: int) -> ItemLists:
    """Return lists of items in arrays as the kernels read them.

    Raises:
        ValueError: there is not a list a row, or an item lies outside [0, n_items).
    """
    offset, item = np.ascontiguousarray(lists.offset, np.int64), np.ascontiguousarray(lists.item, np.int32)
    check_csr(offset, item, n_rows, n_items)
    return ItemLists(offset, item)


def check_csr(indptr: I64, indices: I32, n_rows: int, n_columns: int) -> None:
    """Raise ValueError where the pair is no CSR pattern of (n_rows, n_columns): the kernels trust what has passed."""
    if indptr.shape != (n_rows + 1,) or indices.ndim != 1:
        raise ValueError(f"indptr must have one more entry than the {n_rows} rows, and has shape {indptr.shape}")
    if indptr[0] != 0 or indptr[-1] != len(indices) or (n_rows > 1 and (indptr[1:] < indptr[:-1]).any()):
        raise ValueError(f"indptr must rise from 0 to the number of indices, {len(indices)}")
    if len(indices) and indices.view(np.uint32).max() >= n_columns:  # what is below 0 is beyond all
        raise ValueError(f"indices must lie in [0, {n_columns})")
