"""Item kNN beside implicit and sparse_dot_topn."""

from functools import partial

import numpy as np

from jobs.job import THREADS, Job, Ready, Side, Work
from jobs.sets import gowalla, large
from serendip.kernels.knn import neighbours

K = 100


def ours(load) -> Ready:
    x = load()
    y = x.T.tocsr()
    tie = np.random.default_rng(2).permutation(x.shape[1]).astype(np.int32)
    met = float((np.diff(x.indptr).astype(np.float64) ** 2).sum()) / 2  # a pair of items once

    def run(turn: int) -> object:
        return neighbours(y, k=K, similarity="cosine", tie=tie, threads=THREADS)

    return Ready(run, work=Work(added=met, spread=4 * x.shape[1]))


def of_implicit(load) -> Ready:
    from implicit.nearest_neighbours import CosineRecommender

    x = load()
    return Ready(lambda turn: CosineRecommender(K=K, num_threads=THREADS).fit(x, show_progress=False))


def of_topn(load) -> Ready:
    from sparse_dot_topn import sp_matmul_topn

    x = load()

    def run(turn: int) -> object:
        y = x.T.tocsr()
        norm = np.sqrt(np.asarray(y.multiply(y).sum(axis=1)).ravel())
        y.data /= np.repeat(np.maximum(norm, 1e-12), np.diff(y.indptr)).astype(np.float32)
        return sp_matmul_topn(y, y.T.tocsr(), top_n=K + 1, n_threads=THREADS)  # an item is its own nearest

    return Ready(run)


JOBS = [
    Job(f"item kNN, cosine, {K} neighbours, {where}", Side(partial(ours, load)),
        {"implicit": Side(partial(of_implicit, load)), "sparse_dot_topn": Side(partial(of_topn, load))},
        {"implicit": bar, "sparse_dot_topn": bar}, turns,
        "Each addition waits for its place to be read, and the neighbours have to be selected beside it.")
    for where, load, bar, turns in (("gowalla", gowalla, 1.0, 5), ("21M", large, 2.5, 3))
]  # fmt: skip
