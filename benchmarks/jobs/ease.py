"""EASE of 10,000 items beside an inverse with SciPy's X'X, and beside LAPACK's two routines alone."""

import numpy as np
from scipy.linalg.lapack import spotrf, spotri
from scipy.sparse import csr_matrix

from jobs.job import THREADS, Job, Ready, Side, Work
from jobs.sets import dataset, large
from serendip.models.contract import Run
from serendip.models.ease import EASE

ITEMS, L2 = 10_000, 300.0


def popular() -> csr_matrix:
    """Return the interactions of the 10,000 most popular items of 21M."""
    x = large()
    kept = np.sort(np.argsort(-np.bincount(x.indices), kind="stable")[:ITEMS])
    return csr_matrix(x[:, kept])


def ours() -> Ready:
    data, algorithm = dataset(popular()), EASE(l2=L2)
    return Ready(lambda turn: algorithm.fit(data, run=Run(threads=THREADS)), work=Work(flops=1.0 * ITEMS**3))


def plain() -> Ready:
    x = popular()

    def run(turn: int) -> object:
        p = np.linalg.inv(np.asarray((x.T @ x).toarray()) + L2 * np.eye(ITEMS, dtype=np.float32))
        b = p / -np.diag(p)
        np.fill_diagonal(b, 0)
        return b

    return Ready(run)


def routines() -> Ready:
    x = popular()
    a = np.asfortranarray(np.asarray((x.T @ x).toarray()) + L2 * np.eye(ITEMS, dtype=np.float32))

    def run(turn: int) -> object:
        c, failed = spotrf(a, lower=1, clean=0)
        assert not failed
        return spotri(c, lower=1, overwrite_c=1)

    return Ready(run)


JOBS = [
    Job("EASE, 10,000 items", Side(ours, blas=THREADS),
        {"numpy inv + SciPy X'X": Side(plain, blas=THREADS), "potrf + potri": Side(routines, blas=THREADS)},
        {"numpy inv + SciPy X'X": 3.0, "potrf + potri": 1 / 1.2}, turns=3,
        reason="The inverse is OpenBLAS's; X'X and the look at the condition are beside it."),
]  # fmt: skip
