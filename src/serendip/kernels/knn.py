"""The k most similar rows of a sparse matrix, without the matrix of all similarities.

Gustavson: Two Fast Algorithms for Sparse Matrices, ACM TOMS 4(3), 1978: the row-by-row product, with one dense row of
accumulators a thread. Shrinkage of whole vectors as in Ferrari Dacrema, Cremonesi, Jannach: Are We Really Making Much
Progress?, RecSys 2019; over shared columns as in Bell, Koren: Scalable Collaborative Filtering with Jointly Derived
Neighborhood Interpolation Weights, ICDM 2007.
"""

import math
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from serendip.arrays import CSR, F32, F64, I32, offsets, rows_of
from serendip.errors import UserError, nearest
from serendip.kernels import compiled
from serendip.kernels.csr import checked_csr

Similarity = Literal["dot", "cosine", "pearson", "adjusted_cosine", "euclidean", "jaccard"]


def neighbours(
    rows: CSR,
    *,
    k: int,
    similarity: Similarity,
    tie: I32,
    shrinkage: float = 0.0,
    overlap: bool = False,
    min_overlap: int = 1,
    keep_self: bool = False,
    threads: int | None = None,
) -> CSR:
    """Find the k most similar other rows of each row of A (n, m), which has no duplicate entries.

    Two rows are compared where they share at least `min_overlap` stored columns. With x and y for their values, c for
    the number of columns that they share and s for the shrinkage, the similarity is,

    over the whole vectors, for ranking:
        dot: x'y c / (c + s); cosine: x'y / (|x||y| + s); pearson: the cosine once each row's mean over its stored
        values is taken from them; adjusted_cosine: the cosine of what the caller has centred;
        euclidean: 1 / (1 + |x - y| + s); jaccard: c / (|x or y| + s), on the pattern;
    with `overlap`, for ratings, over the shared columns only, all times c / (c + s):
        dot: x'y; cosine, adjusted_cosine: x'y / (|x||y|); pearson: with both means over the shared columns;
        euclidean: 1 / (1 + mean of (x - y)^2); jaccard: c / |x or y|, its union over all columns.

    A similarity of zero is never kept, nor one that is not a number; a cosine or a correlation within 1e-6 of zero is
    rounding, and zero. A negative one is kept with `overlap` for pearson and adjusted_cosine only. The result does not
    depend on the number of threads.

    Time is one step for each product of A A', the sum of squared column lengths; half as many where pairs meet often,
    since each is summed up once. Memory beside A is 8 bytes an entry (12 where the values of a column differ), what is
    returned, up to three times for a moment, and a dense row of up to 48 bytes a cell for each thread.

    Args:
        rows: A (n, m).
        k: how many neighbours to keep of a row, at most.
        similarity: see above.
        tie: (n,) a permutation; of equally similar rows the ones with the smaller tie are kept.
        shrinkage: s above, in shared columns or in the units of the denominator.
        overlap: compare shared columns only.
        min_overlap: columns that two rows must share.
        keep_self: let a row be its own neighbour; it counts as one of the k.
        threads: None means every core.

    Returns:
        (n, n): the similarities that are kept, columns ascending within a row.

    Raises:
        UserError: an unknown similarity, or a setting out of its bounds.
        ValueError: a broken CSR matrix, or a tie that is no permutation.
    """
    if similarity not in get_args(Similarity):
        raise UserError(f"unknown similarity {similarity!r}{nearest(similarity, get_args(Similarity))}")
    if k < 1 or min_overlap < 1:
        raise UserError(f"k and min_overlap must be 1 or more; they are {k} and {min_overlap}")
    if not (shrinkage >= 0 and math.isfinite(shrinkage)):
        raise UserError(f"shrinkage must be a number of 0 or more; it is {shrinkage}")
    n, m = rows.shape
    indptr, indices, data = checked_csr(rows)
    tie = np.ascontiguousarray(tie, np.int32)
    if not np.array_equal(np.sort(tie), np.arange(n)):
        raise ValueError(f"tie must be a permutation of the {n} rows")

    if not compiled.native:
        compiled.say_once()
        return neighbours_numpy(
            rows, k=k, similarity=similarity, tie=tie, shrinkage=shrinkage, overlap=overlap, min_overlap=min_overlap,
            keep_self=keep_self,
        )  # fmt: skip
    if similarity == "pearson" and not overlap:
        data = _centred(rows)
    cosine = similarity == "adjusted_cosine" or (similarity == "pearson" and not overlap)
    begin, near, value = compiled.module.neighbours(
        indptr, indices, data, m, k, "cosine" if cosine else similarity, tie, shrinkage, overlap or similarity == "dot",
        _keeps_negative(similarity, overlap), min_overlap, keep_self, threads or compiled.default_threads(),
    )  # fmt: skip
    return sp.csr_matrix((value, near, begin), shape=(n, n))


def neighbours_numpy(
    rows: CSR,
    *,
    k: int,
    similarity: Similarity,
    tie: I32,
    shrinkage: float = 0.0,
    overlap: bool = False,
    min_overlap: int = 1,
    keep_self: bool = False,
) -> CSR:
    """Do what `neighbours` does, in float64, by the products of some hundred rows at a time with all rows."""
    n = rows.shape[0]
    data = (_centred(rows) if similarity == "pearson" and not overlap else rows.data).astype(np.float64)
    a, ones, squares = (
        sp.csr_array((values, rows.indices, rows.indptr), shape=rows.shape)
        for values in (data, np.ones_like(data), data**2)
    )
    size, square = (np.asarray(x.sum(axis=1), np.float64) for x in (ones, squares))  # (n,) both
    kept: list[npt.NDArray[np.intp]] = []
    values: list[F32] = []
    for begin in range(0, n, 256):
        part = slice(begin, min(begin + 256, n))

        def product(left: sp.csr_array, right: sp.csr_array, part: slice = part) -> F64:
            return np.asarray((left[part] @ right.T).toarray())  # (part, n)

        c, xy = product(ones, ones), product(a, a)
        s = 0.0 if overlap else shrinkage
        with np.errstate(divide="ignore", invalid="ignore"):
            if similarity == "dot":
                score = xy
            elif similarity == "jaccard":
                score = c / (size[part, None] + size - c + s)
            elif not overlap:
                xx, yy = square[part, None], square
                if similarity == "euclidean":
                    score = 1 / (1 + np.sqrt(np.maximum(xx + yy - 2 * xy, 0)) + s)
                else:
                    score = _cosine(xy, np.sqrt(xx) * np.sqrt(yy), s)
            else:
                xx, yy = product(squares, ones), product(ones, squares)
                if similarity == "euclidean":
                    score = 1 / (1 + (xx + yy - 2 * xy) / c)
                elif similarity == "pearson":
                    x, y = product(a, ones), product(ones, a)
                    xv, yv = c * xx - x * x, c * yy - y * y
                    constant = (xv <= 1e-10 * c * xx) | (yv <= 1e-10 * c * yy)  # but for rounding
                    score = np.where(constant, 0, _cosine(c * xy - x * y, np.sqrt(xv * yv), s))
                else:
                    score = _cosine(xy, np.sqrt(xx * yy), s)
            if overlap or similarity == "dot":
                score = score * (c / (c + shrinkage))
        score = np.asarray(score, np.float32)
        keep = (c >= min_overlap) & ((score != 0) if _keeps_negative(similarity, overlap) else (score > 0))
        keep &= ~np.isnan(score)
        for i, (row, allowed) in enumerate(zip(score, keep, strict=True), begin):
            allowed[i] &= keep_self
            candidates = np.flatnonzero(allowed)
            best = np.sort(candidates[np.lexsort((tie[candidates], -row[candidates]))[:k]])
            kept.append(best)
            values.append(row[best])
    near, value = np.concatenate([np.empty(0, np.intp), *kept]), np.concatenate([np.empty(0, np.float32), *values])
    return sp.csr_matrix((value, near, offsets(np.array([len(best) for best in kept], np.int64))), shape=(n, n))


def _keeps_negative(similarity: Similarity, overlap: bool) -> bool:
    return overlap and similarity in ("pearson", "adjusted_cosine")


def _cosine(xy: F64, size: F64, s: float) -> F64:
    return np.where(np.abs(xy) > 1e-6 * size, xy / (size + s), 0)


def _centred(rows: CSR) -> F32:
    """Return the values less the mean of their row.  # (nnz,)"""
    row, size = rows_of(rows), np.diff(rows.indptr)
    mean = np.bincount(row, weights=rows.data, minlength=len(size)) / np.maximum(size, 1)
    return (rows.data - mean[row]).astype(np.float32)
