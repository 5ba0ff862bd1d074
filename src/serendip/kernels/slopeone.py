"""How the ratings of each pair of items differ, over the users who rated both.

Lemire, Maclachlan: Slope One Predictors for Online Rating-Based Collaborative Filtering, SDM 2005,
doi:10.1137/1.9781611972757.43, equation 1.
"""

import numpy as np
import scipy.sparse as sp

from serendip.arrays import CSR, F32
from serendip.kernels import compiled
from serendip.kernels.csr import checked_csr


def differences(ratings: CSR, *, threads: int | None = None) -> tuple[F32, F32]:
    """Return sum over users of r_ui - r_uj, and how many users there are, for each pair (i, j) of items.

    ratings (n, n_items) has no duplicate entries. O(sum over users of their ratings squared) time,
    8 n_items^2 bytes. The result does not depend on the number of threads.

    Returns:
        difference (n_items, n_items), count (n_items, n_items), both float32 with zeros on the diagonal.

    Raises:
        ValueError: a broken CSR matrix, or a rating that is not finite.
    """
    indptr, indices, data = checked_csr(ratings)
    if not np.isfinite(data).all():
        raise ValueError("ratings must be finite numbers")
    if not compiled.native:
        compiled.say_once()
        return differences_numpy(ratings)
    if not ratings.has_sorted_indices:
        ratings = ratings.sorted_indices()
        indptr, indices, data = checked_csr(ratings)
    place = sp.csr_array((np.arange(len(data)), indices, indptr), shape=ratings.shape).tocsc()
    n_items = ratings.shape[1]
    difference, count = (np.empty((n_items, n_items), np.float32) for _ in range(2))
    compiled.module.slope_one_differences(
        indptr, indices, data, place.indptr.astype(np.int64), place.indices.astype(np.int32), place.data, difference,
        count, threads or compiled.default_threads(),
    )  # fmt: skip
    return difference, count


def differences_numpy(ratings: CSR) -> tuple[F32, F32]:
    """Do what `differences` does, by two products of matrices in float64."""
    given = ratings.astype(np.float64)
    ones = sp.csr_array((np.ones(given.nnz), given.indices, given.indptr), shape=given.shape)
    total = np.asarray((given.T @ ones).toarray())  # (i, j): sum of r_ui over the users of both
    count = np.asarray((ones.T @ ones).toarray())
    difference = total - total.T
    np.fill_diagonal(count, 0)
    return difference.astype(np.float32), count.astype(np.float32)
