"""BPR, WARP and logistic MF on gowalla beside implicit and LightFM, with recall and NDCG of all; a turn has its seed.

Settings were the best of those tried on a validation part, a tenth of the training rows; LightFM's of BPR are its
defaults. In this folder's parent, `python -m jobs.pairwise` tries what stands in `TRIED`.

WARP there, recall@20/NDCG@20 after 30 epochs of one seed: LightFM .1435/.0848 at rate .035; its step, AdaGrad a
coordinate, written anew, .1476/.0861 at .035 and .1453/.0851 at .05; one step size a row .1492/.0867, and with the
bias as a part of it .1525/.0888 (after 20 epochs .1440/.0838). One thing changed at a time, after 10 epochs, where that
gives .1280/.0745: rate .5 .1314/.0767 (but .1426 for .1440 after 20), .8 (bias apart) .0936/.0533; a rate that falls to
0 .1113/.0658; l2 .05 .1282/.0741; 8 draws .1238/.0718; initial factors of .001 .1162/.0675, of .02 .1341/.0786, of .1
.1034/.0607; 16 and 32 groups of items as 8.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from jobs.job import THREADS, Job, Ready, Side, Work
from jobs.sets import dataset, gowalla, gowalla_test
from serendip.arrays import ItemLists
from serendip.kernels.ranking import rank_metrics
from serendip.kernels.topk import topk_dot
from serendip.models.bpr import BPR
from serendip.models.contract import Algorithm, Run
from serendip.models.logisticmf import LogisticMF
from serendip.models.warp import WARP

RANK, AT, EPOCHS = 64, 20, 30
Settings = dict[str, float]
Vectors = tuple[np.ndarray, np.ndarray]  # of users and items, biases as factors beside the others


@dataclass(frozen=True)
class Library:
    """Who fits: prepare(loss, settings, x) returns fit(seed) -> model, of which `vectors` are told afterwards."""

    prepare: Callable[[str, Settings, csr_matrix], Callable[[int], Any]]
    vectors: Callable[[Any], Vectors]


def ours(loss: str, settings: Settings, x: csr_matrix) -> Callable[[int], Any]:
    of_loss = {"bpr": BPR, "warp": WARP, "logistic": LogisticMF}
    algorithm: Algorithm = of_loss[loss](rank=RANK, epochs=EPOCHS, **settings)  # type: ignore
    data = dataset(x)
    return lambda seed: algorithm.fit(data, run=Run(threads=THREADS, seed=seed))


def with_ones(p: np.ndarray, q: np.ndarray, bias: np.ndarray) -> Vectors:
    return np.hstack([p, np.ones((len(p), 1), np.float32)]), np.hstack([q, bias[:, None]])


def implicit(loss: str, settings: Settings, x: csr_matrix) -> Callable[[int], Any]:
    from implicit.bpr import BayesianPersonalizedRanking
    from implicit.lmf import LogisticMatrixFactorization

    of_loss = {"bpr": BayesianPersonalizedRanking, "logistic": LogisticMatrixFactorization}

    def fit(seed: int) -> Any:
        model = of_loss[loss](factors=RANK, iterations=EPOCHS, num_threads=THREADS, random_state=seed, **settings)
        model.fit(x, show_progress=False)
        return model

    return fit


def lightfm(loss: str, settings: Settings, x: csr_matrix) -> Callable[[int], Any]:
    from lightfm import LightFM

    coo = x.tocoo()
    return lambda seed: LightFM(no_components=RANK, loss=loss, random_state=seed, **settings).fit(
        coo, epochs=EPOCHS, num_threads=THREADS
    )


LIBRARIES = {
    "ours": Library(ours, lambda m: with_ones(m.user_factors, m.item_factors, m.item_bias)),
    "implicit": Library(implicit, lambda m: (np.asarray(m.user_factors), np.asarray(m.item_factors))),  # bias within
    "LightFM": Library(lightfm, lambda m: with_ones(m.user_embeddings, m.item_embeddings, m.item_biases)),
}


def told(vectors: Vectors, seen: csr_matrix, held: csr_matrix) -> dict[str, float]:
    """Return recall and NDCG of users with something held back."""
    p, q = vectors
    users = np.flatnonzero(np.diff(held.indptr))
    out, want = seen[users], held[users]
    item, _ = topk_dot(np.ascontiguousarray(p[users], np.float32), np.ascontiguousarray(q, np.float32), None, AT,
                       np.random.default_rng(2).permutation(len(q)).astype(np.int32), exclude=ItemLists.of(out),
                       threads=THREADS)  # fmt: skip
    _, value = rank_metrics(item, want.indptr.astype(np.int64), want.indices, np.diff(want.indptr).astype(np.int64),
                            [("recall", AT), ("ndcg", AT)])  # fmt: skip
    recall, ndcg = value.mean(axis=1)
    return {f"recall@{AT}": float(recall), f"NDCG@{AT}": float(ndcg)}


def side(who: str, loss: str) -> Ready:
    x, held, library = gowalla(), gowalla_test(), LIBRARIES[who]
    return Ready(library.prepare(loss, CHOSEN[who, loss], x), work=WORK[loss](x) if who == "ours" else None,
                 quality=lambda model: told(library.vectors(model), x, held))  # fmt: skip


def work_of_pairs(x: csr_matrix) -> Work:
    """Return what a step a pair takes: its margin and the movement of three rows."""
    numbers = EPOCHS * x.nnz * RANK
    return Work(flops=14.0 * numbers, gathered=24.0 * numbers, spread=4 * RANK * x.shape[1])


def work_of_sides(x: csr_matrix) -> Work:
    """Return what the slopes of both sides take: a score and a row added, for what was taken and what is compared."""
    cells = 2 * x.nnz + sum(x.shape) * LogisticMF().compared
    return Work(flops=4.0 * EPOCHS * cells * RANK)


WORK = {"bpr": work_of_pairs, "warp": work_of_pairs, "logistic": work_of_sides}
RATES: dict[str, list[float]] = {"learning_rate": [0.02, 0.05, 0.1, 0.2]}
TRIED: dict[tuple[str, str], dict[str, list[float]]] = {
    ("ours", "bpr"): RATES | {"l2": [0.003, 0.01, 0.03], "popularity": [0.0, 0.5]},
    ("implicit", "bpr"): RATES | {"regularization": [0.001, 0.003, 0.01, 0.03]},
    ("LightFM", "bpr"): RATES | {"item_alpha": [0.0, 1e-6, 1e-5]},
    ("ours", "warp"): {"learning_rate": [0.2, 0.4, 0.5], "l2": [0.0, 0.02], "draws": [8, 10]},
    ("LightFM", "warp"): {"learning_rate": [0.02, 0.035, 0.05], "item_alpha": [0.0, 1e-6, 1e-5]},
    ("ours", "logistic"): {"learning_rate": [0.05, 0.1], "l2": [3.0, 4.0, 6.0]},
    ("implicit", "logistic"): {"learning_rate": [0.1, 0.3, 1.0], "regularization": [0.6, 3.0], "neg_prop": [3, 30]},
}
CHOSEN: dict[tuple[str, str], dict[str, float]] = {
    ("ours", "bpr"): {"learning_rate": 0.1, "l2": 0.01, "popularity": 0.5},
    ("implicit", "bpr"): {"learning_rate": 0.05, "regularization": 0.001},
    ("LightFM", "bpr"): {"learning_rate": 0.05, "item_alpha": 0.0},
    ("ours", "warp"): {"learning_rate": 0.4, "l2": 0.02, "draws": 10},
    ("LightFM", "warp"): {"learning_rate": 0.035, "item_alpha": 0.0},
    ("ours", "logistic"): {"learning_rate": 0.1, "l2": 4.0},
    ("implicit", "logistic"): {"learning_rate": 1.0, "regularization": 3.0, "neg_prop": 30},
}  # fmt: skip
CHAIN = "A pair's step waits for three rows at random places and for the steps before it."

JOBS = [
    Job(f"BPR, {RANK} factors, {EPOCHS} epochs, gowalla", Side(partial(side, "ours", "bpr")),
        {"implicit": Side(partial(side, "implicit", "bpr")), "LightFM": Side(partial(side, "LightFM", "bpr"))},
        {"implicit": 1.5, "LightFM": 20.0}, reason=CHAIN),
    Job(f"WARP, {RANK} factors, {EPOCHS} epochs, gowalla", Side(partial(side, "ours", "warp")),
        {"LightFM": Side(partial(side, "LightFM", "warp"))}, {"LightFM": 15.0}, reason=CHAIN),
    Job(f"logistic MF, {RANK} factors, {EPOCHS} epochs, gowalla", Side(partial(side, "ours", "logistic")),
        {"implicit": Side(partial(side, "implicit", "logistic"))},
        reason="A score is summed before its row can be added, and rows that few took wait for memory."),
]  # fmt: skip


def validation(x: csr_matrix) -> tuple[csr_matrix, csr_matrix]:
    """Return nine tenths of the training part to learn from, and the rest."""
    x = x.tocoo()
    out = np.random.default_rng(5).random(x.nnz) < 0.1
    first, rest = (csr_matrix((x.data[m], (x.row[m], x.col[m])), shape=x.shape) for m in (~out, out))
    return first, rest


def tried(who: str, loss: str) -> Iterator[tuple[dict[str, float], dict[str, float]]]:
    """Give settings and what came of them on the validation part."""
    x, held = validation(gowalla())
    names = TRIED[who, loss]
    for values in product(*names.values()):
        settings = dict(zip(names, values, strict=True))
        model = LIBRARIES[who].prepare(loss, settings, x)(0)
        yield settings, told(LIBRARIES[who].vectors(model), x, held)


if __name__ == "__main__":
    for who, loss in TRIED:
        if not sys.argv[1:] or {who, loss} & set(sys.argv[1:]):
            for settings, found in tried(who, loss):
                print(who, loss, settings, {k: round(v, 4) for k, v in found.items()}, flush=True)
