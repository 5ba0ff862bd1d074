"""How alike two rows of a sparse matrix are: two users by their items, or two items by their users."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import CSR, F32, I32, Bool, offsets
from serendip.data.dataset import Dataset
from serendip.errors import UserError

SIMILARITIES = ("cosine", "adjusted_cosine", "pearson", "euclidean", "jaccard")
WEIGHTINGS = ("none", "tfidf", "bm25")
CENTRED = ("adjusted_cosine", "pearson")
K1, B = 1.2, 0.75  # of BM25: Robertson, Zaragoza, "The Probabilistic Relevance Framework", FTIR 3(4), 2009


@dataclass(frozen=True)
class Comparison:
    """What of two rows is compared, and by which measure; s stands for the shrinkage, values that are not there for 0.

    cosine: x y / (|x||y| + s); adjusted_cosine: the same after each column's mean is taken from its values, pearson:
    after each row's; euclidean: 1 / (1 + |x - y| + s); jaccard: shared / (in either + s).
    inverse (n_columns,): a column's inverse frequency, 1 without weighting; centre (n_columns,): its mean, 0 where it
    is not taken away; length: the mean sum of a row. ratings: ratings are compared, not interactions.
    """

    similarity: str
    weighting: str
    shrinkage: float
    ratings: bool
    inverse: F32
    centre: F32
    length: float

    @staticmethod
    def of(rows: CSR, similarity: str, weighting: str, shrinkage: float, ratings: bool) -> "Comparison":
        """Return the comparison of such rows as these (n, n_columns)."""
        n, m = rows.shape
        inverse, centre = np.ones(m, np.float32), np.zeros(m, np.float32)
        count = np.maximum(np.bincount(rows.indices, minlength=m), 1)
        if weighting != "none":
            inverse = np.log1p(n / count).astype(np.float32)
        if similarity == "adjusted_cosine":
            centre = (np.bincount(rows.indices, rows.data, m) / count).astype(np.float32)
        length = float(rows.data.sum(dtype=np.float64)) / max(n, 1)
        return Comparison(similarity, weighting, shrinkage, ratings, inverse, centre, length)

    def prepare(self, rows: CSR) -> CSR:
        """Return what is compared of rows.  # (B, n_columns)"""
        out, n = rows.copy(), np.diff(rows.indptr)
        row = np.repeat(np.arange(rows.shape[0]), n)
        if self.similarity == "jaccard":
            out.data = np.ones_like(rows.data)
            return out
        value = rows.data - self.centre[rows.indices]
        if self.similarity == "pearson":
            value -= (np.bincount(row, value, len(n)) / np.maximum(n, 1)).astype(np.float32)[row]
        if self.weighting == "tfidf":
            value = np.sign(value) * np.sqrt(np.abs(value)) * self.inverse[rows.indices]
        if self.weighting == "bm25":
            length = np.bincount(row, np.abs(rows.data), len(n)).astype(np.float32)[row] / np.float32(self.length)
            saturated = value * np.float32(K1 + 1) / (np.abs(value) + np.float32(K1) * (1 - B + B * length))
            value = saturated * self.inverse[rows.indices]
        out.data = value.astype(np.float32)
        return out

    def between(self, x: CSR, yt: CSR, y_square: F32) -> CSR:
        """Return how alike each prepared row is to each other that it shares a column with.

        x (B, n_columns), yt (n_columns, n): the others as columns, y_square (n,): `squares` of them -> (B, n).
        """
        likeness = csr_matrix(x @ yt)
        xy, yy = likeness.data, y_square[likeness.indices]
        xx = np.repeat(squares(x), np.diff(likeness.indptr))
        s = np.float32(self.shrinkage)
        if self.similarity == "jaccard":
            likeness.data = xy / (xx + yy - xy + s)
        elif self.similarity == "euclidean":
            likeness.data = 1 / (1 + np.sqrt(np.maximum(xx + yy - 2 * xy, 0)) + s)
        else:
            likeness.data = xy / np.maximum(np.sqrt(xx * yy) + s, np.float32(1e-12))
        return likeness

    def over_shared(self, x: CSR, yt: CSR) -> F32:
        """Return how near prepared rows are over shared columns: 1 / (1 + |x - y|^2 / n) n / (n + s), n of them.

        Of ratings, whose absence is no 0: over all columns, whoever has few is near to everyone.
        x (B, n_columns), yt (n_columns, n) -> (B, n), 0 where none is shared.
        """
        one, ones, xx, yy = (csr_matrix((a, m.indices, m.indptr), m.shape)
                             for a, m in ((np.ones_like(x.data), x), (np.ones_like(yt.data), yt),
                                          (x.data**2, x), (yt.data**2, yt)))  # fmt: skip
        n = (one @ ones).toarray()
        square = np.maximum((xx @ ones + one @ yy - 2 * (x @ yt)).toarray(), 0)
        near = n / (1 + square / np.maximum(n, 1)) / np.maximum(n + np.float32(self.shrinkage), 1)
        return np.asarray(near, np.float32)


def squares(rows: CSR) -> F32:
    """Return the sum of the squares of each row.  # (n,)"""
    total = np.add.reduceat(np.r_[rows.data**2, np.float32(0)], np.minimum(rows.indptr[:-1], len(rows.data)))
    return np.where(np.diff(rows.indptr) > 0, total, 0).astype(np.float32)


def compared(data: Dataset, similarity: str) -> tuple[CSR, bool]:
    """Return the values whose rows are compared, and whether they are ratings.  # (n_users, n_items)

    Measures that take a mean away compare ratings where there are any: what all interactions have in common is gone.

    Raises:
        UserError: nothing is left after the mean is taken away.
    """
    ratings = similarity in CENTRED and bool(data.rated.any())
    values = data.ratings if ratings else data.matrix
    if similarity in CENTRED and np.ptp(values.data) == 0:
        raise UserError(f"{similarity} compares how values differ and all are {values.data[0]:g}: use cosine")
    return values, ratings


def nearest_users(likeness: CSR, user: I32, k: int, tie: I32) -> CSR:
    """Return the k greatest positive likenesses of each row, not that of a user to itself, equal ones by ascending tie.

    likeness (B, n_users) is written to; user (B,): whose each row is, -1 for a newcomer's -> (B, n_users)
    """
    likeness.data[np.repeat(user, np.diff(likeness.indptr)) == likeness.indices] = 0
    kept: Bool = likeness.data > 0
    for b in np.flatnonzero(np.diff(likeness.indptr) > k):
        at = slice(likeness.indptr[b], likeness.indptr[b + 1])
        value = likeness.data[at]
        least = np.partition(value, len(value) - k)[len(value) - k]
        above, equal = value > least, np.flatnonzero(value == least)
        missing = k - int(above.sum())
        above[equal[np.argsort(tie[likeness.indices[at][equal]])[:missing]]] = True
        kept[at] &= above
    near = likeness.data[kept], likeness.indices[kept], offsets(kept)[likeness.indptr]
    return csr_matrix(near, shape=likeness.shape)
