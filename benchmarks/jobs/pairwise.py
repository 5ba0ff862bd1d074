"""BPR and WARP on gowalla beside implicit and LightFM, with recall and NDCG of all; a turn has its own seed.

Every library's settings were the best of those in `TRIED` on a validation part, a tenth of each user's training items:
`python benchmarks/jobs/pairwise.py` tries them.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import numpy as np
from scipy.sparse import csr_matrix

from jobs.job import THREADS, Job, Ready, Side, Work
from jobs.sets import dataset, gowalla, gowalla_test
from serendip.kernels.ranking import rank_metrics
from serendip.kernels.topk import topk_dot
from serendip.models.bpr import BPR
from serendip.models.contract import Run
from serendip.models.warp import WARP

RANK, AT, EPOCHS = 64, 20, 30
Vectors = tuple[np.ndarray, np.ndarray]  # users and items, biases as factors beside the others
Fit = Callable[[csr_matrix, int], Vectors]


def fit_ours(loss: str, settings: dict[str, float]) -> Fit:
    algorithm = {"bpr": BPR, "warp": WARP}[loss](rank=RANK, epochs=EPOCHS, **settings)  # type: ignore[arg-type]
    kept: list = []

    def fit(x: csr_matrix, seed: int) -> Vectors:
        if not kept or kept[0] is not x:
            kept[:] = [x, dataset(x)]  # made in the turn that warms up
        model = algorithm.fit(kept[1], run=Run(threads=THREADS, seed=seed))
        return model, None  # type: ignore[return-value]  told by `vectors` after the clock has stopped

    return fit


def fit_implicit(loss: str, settings: dict[str, float]) -> Fit:
    from implicit.bpr import BayesianPersonalizedRanking

    def fit(x: csr_matrix, seed: int) -> Vectors:
        model = BayesianPersonalizedRanking(factors=RANK - 1, iterations=EPOCHS, num_threads=THREADS, random_state=seed,
                                            **settings)  # fmt: skip
        model.fit(x, show_progress=False)  # its last factor is the bias
        return np.asarray(model.user_factors), np.asarray(model.item_factors)

    return fit


def fit_lightfm(loss: str, settings: dict[str, float]) -> Fit:
    from lightfm import LightFM

    def fit(x: csr_matrix, seed: int) -> Vectors:
        model = LightFM(no_components=RANK, loss=loss, random_state=seed, **settings)
        model.fit(x, epochs=EPOCHS, num_threads=THREADS)
        ones = np.ones((x.shape[0], 1), np.float32)
        return (np.hstack([model.user_embeddings, ones]),
                np.hstack([model.item_embeddings, model.item_biases[:, None]]))  # fmt: skip

    return fit


FITS = {"ours": fit_ours, "implicit": fit_implicit, "LightFM": fit_lightfm}


def told(found: object, seen: csr_matrix, held: csr_matrix) -> dict[str, float]:
    """Return recall and NDCG of users with something held back."""
    p, q = found  # type: ignore[misc]
    if q is None:
        model = p
        p = np.hstack([model.user_factors, np.ones((seen.shape[0], 1), np.float32)])
        q = np.hstack([model.item_factors, model.item_bias[:, None]])
    users = np.flatnonzero(np.diff(held.indptr))
    out, want = seen[users], held[users]
    item, _ = topk_dot(np.ascontiguousarray(p[users], np.float32), np.ascontiguousarray(q, np.float32), None, AT,
                       np.random.default_rng(2).permutation(len(q)).astype(np.int32), threads=THREADS,
                       exclude_indptr=out.indptr.astype(np.int64), exclude_indices=out.indices)  # fmt: skip
    _, value = rank_metrics(item, want.indptr.astype(np.int64), want.indices, np.diff(want.indptr).astype(np.int64),
                            [("recall", AT), ("ndcg", AT)])  # fmt: skip
    recall, ndcg = value.mean(axis=1)
    return {f"recall@{AT}": float(recall), f"NDCG@{AT}": float(ndcg)}


def side(who: str, loss: str) -> Ready:
    x, fit = gowalla(), FITS[who](loss, CHOSEN[who, loss])
    held = gowalla_test()
    numbers = EPOCHS * x.nnz * RANK
    work = Work(flops=14.0 * numbers, gathered=24.0 * numbers, spread=4 * RANK * x.shape[1]) if who == "ours" else None
    return Ready(lambda turn: fit(x, turn), quality=lambda found: told(found, x, held), work=work)


RATES: dict[str, list[float]] = {"learning_rate": [0.02, 0.05, 0.1, 0.2]}
TRIED: dict[tuple[str, str], dict[str, list[float]]] = {
    ("ours", "bpr"): RATES | {"l2": [0.003, 0.01, 0.03], "popularity": [0.0, 0.5]},
    ("implicit", "bpr"): RATES | {"regularization": [0.001, 0.003, 0.01, 0.03]},
    ("LightFM", "bpr"): RATES | {"item_alpha": [0.0, 1e-6, 1e-5]},
    ("ours", "warp"): {"learning_rate": [0.003, 0.005, 0.01, 0.02], "l2": [0.01, 0.03, 0.1]},
    ("LightFM", "warp"): {"learning_rate": [0.01, 0.02, 0.05], "item_alpha": [0.0, 1e-6, 1e-5]},
}
CHOSEN: dict[tuple[str, str], dict[str, float]] = {
    ("ours", "bpr"): {"learning_rate": 0.1, "l2": 0.01, "popularity": 0.5},
    ("implicit", "bpr"): {"learning_rate": 0.05, "regularization": 0.01},
    ("LightFM", "bpr"): {"learning_rate": 0.05, "item_alpha": 0.0},
    ("ours", "warp"): {"learning_rate": 0.005, "l2": 0.03},
    ("LightFM", "warp"): {"learning_rate": 0.05, "item_alpha": 0.0},
}  # fmt: skip
CHAIN = "A pair's step waits for three rows at random places and for the steps before it."

JOBS = [
    Job(f"BPR, {RANK} factors, {EPOCHS} epochs, gowalla", Side(partial(side, "ours", "bpr")),
        {"implicit": Side(partial(side, "implicit", "bpr")), "LightFM": Side(partial(side, "LightFM", "bpr"))},
        {"implicit": 1.5, "LightFM": 20.0}, reason=CHAIN),
    Job(f"WARP, {RANK} factors, {EPOCHS} epochs, gowalla", Side(partial(side, "ours", "warp")),
        {"LightFM": Side(partial(side, "LightFM", "warp"))}, {"LightFM": 15.0}, reason=CHAIN),
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
        yield settings, told(FITS[who](loss, settings)(x, 0), x, held)


if __name__ == "__main__":
    for who, loss in TRIED:
        if not sys.argv[1:] or who in sys.argv[1:]:
            for settings, found in tried(who, loss):
                print(who, loss, settings, {k: round(v, 4) for k, v in found.items()}, flush=True)
