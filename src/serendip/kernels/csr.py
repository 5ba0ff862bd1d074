"""What makes arrays a sparse matrix in compressed rows (CSR)."""

import numpy as np

from serendip.arrays import CSR, F32, I32, I64, ItemLists


def checked_csr(matrix: CSR) -> tuple[I64, I32, F32]:
    """Return indptr, indices and data of a matrix as the kernels read them: contiguous, of the right types.

    Raises:
        ValueError: they are no matrix of its shape.
    """
    indptr, indices = np.ascontiguousarray(matrix.indptr, np.int64), np.ascontiguousarray(matrix.indices, np.int32)
    data = np.ascontiguousarray(matrix.data, np.float32)
    check_csr(indptr, indices, *matrix.shape)
    if data.shape != indices.shape:
        raise ValueError(f"indices {indices.shape} and data {data.shape} must be equally long")
    return indptr, indices, data


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
