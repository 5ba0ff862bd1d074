"""Ranking metrics beside ranx, its set-up left out and put in."""

import numpy as np

from jobs.job import THREADS, Job, Ready, Side
from serendip.kernels.ranking import rank_metrics

N, K, ITEMS, RELEVANT = 6000, 20, 3000, 10
KINDS = ("ndcg", "recall", "hr", "map", "mrr")


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Return slates and relevant items.  # (N, K), (N, RELEVANT)"""
    random = np.random.default_rng(0)
    item = np.stack([random.permutation(ITEMS)[:K] for _ in range(N)]).astype(np.int32)
    relevant = np.stack([np.sort(random.permutation(ITEMS)[:RELEVANT]) for _ in range(N)]).astype(np.int32)
    return item, relevant


def ours() -> Ready:
    item, relevant = drawn()
    indptr, count = np.arange(N + 1, dtype=np.int64) * RELEVANT, np.full(N, RELEVANT)
    wanted = [(kind, K) for kind in KINDS]

    def run(turn: int) -> object:
        for _ in range(20):
            found = rank_metrics(item, indptr, relevant.ravel(), count, wanted, threads=THREADS)
        return found

    def quality(found: object) -> dict[str, float]:
        return {"NDCG": float(found[1][0].mean())}  # type: ignore[index]

    return Ready(run, 20, quality=quality)


def ranx_of(whole: bool):
    def prepare() -> Ready:
        import ranx

        item, relevant = drawn()
        run = {f"u{u}": {f"i{i}": float(K - p) for p, i in enumerate(row)} for u, row in enumerate(item.tolist())}
        truth = {f"u{u}": {f"i{i}": 1 for i in row} for u, row in enumerate(relevant.tolist())}
        asked = [f"{name}@{K}" for name in ("ndcg", "recall", "hit_rate", "map", "mrr")]
        qrels, ready = ranx.Qrels(truth), ranx.Run(run)

        def turn(number: int) -> object:
            return ranx.evaluate(ranx.Qrels(truth), ranx.Run(run), asked) if whole else ranx.evaluate(
                qrels, ready, asked)  # fmt: skip

        return Ready(turn, quality=lambda found: {"NDCG": float(found[asked[0]])})

    return prepare


JOBS = [
    Job("five metrics, 6,000 users", Side(ours),
        {"ranx": Side(ranx_of(False)), "ranx with its set-up": Side(ranx_of(True))},
        {"ranx": 25.0, "ranx with its set-up": 200.0}),
]  # fmt: skip
