"""Times beside other libraries in one run: `make bench-speed`, peers by `pip install -e '.[bench]'`.

Every pair is timed in turn, ours, theirs, ours, theirs, ...; a row has the medians and the ratio of each turn's median.
Wall time stands against wall time and CPU time against CPU time, with two threads each.
"""

import os

THREADS = 2
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # implicit asks for it; our kernels have threads of their own

import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from importlib.util import find_spec  # noqa: E402

import numpy as np  # noqa: E402
from section import machine, write_section  # noqa: E402

from serendip.data.catalogue import load_split  # noqa: E402
from serendip.data.dataset import Dataset  # noqa: E402
from serendip.kernels.als import gram, solve_rows  # noqa: E402
from serendip.kernels.knn import neighbours  # noqa: E402
from serendip.kernels.topk import topk_dot  # noqa: E402
from serendip.metrics import ranking  # noqa: E402
from serendip.models.contract import Run  # noqa: E402
from serendip.models.slopeone import SlopeOne  # noqa: E402
from serendip.models.svd import SVD  # noqa: E402
from serendip.models.svdpp import SVDpp  # noqa: E402

TURNS = 5
Job = Callable[[], object]


@dataclass(frozen=True)
class Pair:
    """One job, by us and by a peer; `bar`: how many times faster it is to be."""

    job: str
    peer: str
    ours: Job
    theirs: Job
    bar: float
    turns: int = TURNS


def clocked(job: Job) -> tuple[float, float]:
    """Return the wall and the CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    job()
    return time.perf_counter() - wall, time.process_time() - cpu


def row(pair: Pair) -> str:
    """Return the row of a pair."""
    pair.ours()
    turns = [(clocked(pair.ours), clocked(pair.theirs)) for _ in range(pair.turns)]
    cells = [pair.job, pair.peer]
    for clock in (0, 1):
        ours, theirs = ([turn[side][clock] for turn in turns] for side in (0, 1))
        ratios = [b / max(a, 1e-9) for a, b in zip(ours, theirs, strict=True)]
        cells += [f"{statistics.median(ours):.4g} s", f"{statistics.median(theirs):.4g} s",
                  f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"]  # fmt: skip
    return f"| {' | '.join(cells)} | {pair.bar:g} |"


def of_gowalla() -> Iterator[Pair]:
    """ALS, top-k and item kNN against implicit on lightgcn-gowalla."""
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import CosineRecommender

    data = Dataset.of(load_split("lightgcn-gowalla").train)
    x = data.matrix  # (n_users, n_items)
    y = x.T.tocsr()
    rank, random = 64, np.random.default_rng(0)
    p = random.standard_normal((data.n_users, rank), np.float32) * np.float32(0.1)
    q = random.standard_normal((data.n_items, rank), np.float32) * np.float32(0.1)

    def half(matrix: object, other: object, mine: object, solver: str) -> None:
        solve_rows(matrix.indptr.astype(np.int64), matrix.indices, matrix.data, matrix.data, other,  # type: ignore
                   gram(other, THREADS), np.full(len(mine), 0.01, np.float32), mine,  # type: ignore
                   solver=solver, threads=THREADS)  # type: ignore  # fmt: skip

    for solver, name, bar in (("cg", "CG, 3 steps", 3.0), ("cholesky", "Cholesky", 3.2)):
        model = AlternatingLeastSquares(factors=rank, regularization=0.01, use_cg=solver == "cg", iterations=1,
                                        num_threads=THREADS, calculate_training_loss=False)  # fmt: skip
        model.fit(x, show_progress=False)

        def ours(solver: str = solver) -> None:
            half(x, q, p, solver)
            half(y, p, q, solver)

        def theirs(model: AlternatingLeastSquares = model) -> None:
            model.fit(x, show_progress=False)

        yield Pair(f"ALS, one iteration, {name}, 64 factors, gowalla", "implicit", ours, theirs, bar)
    users = np.arange(data.n_users)
    user_factors, item_factors = np.asarray(model.user_factors), np.asarray(model.item_factors)
    tie = data.items.tie
    yield Pair(
        "top 10 of all users, seen items left out, gowalla", "implicit",
        lambda: topk_dot(user_factors, item_factors, None, 10, tie, exclude_indptr=x.indptr.astype(np.int64),
                         exclude_indices=x.indices, threads=THREADS),
        lambda: model.recommend(users, x, N=10, filter_already_liked_items=True), 25.0, 3,
    )  # fmt: skip

    def peer_knn() -> None:
        CosineRecommender(K=100, num_threads=THREADS).fit(x, show_progress=False)

    yield Pair(
        "item kNN, cosine, 100 neighbours, gowalla", "implicit",
        lambda: neighbours(y.indptr.astype(np.int64), y.indices, y.data, m=data.n_users, k=100, similarity="cosine",
                           tie=tie, threads=THREADS),
        peer_knn, 1.0,
    )  # fmt: skip


def of_ratings() -> Iterator[Pair]:
    """SVD, SVD++ and slope one against Surprise on ml-100k u1."""
    import surprise

    train = load_split("ml-100k/u1").train
    data = Dataset.of(train)
    frame = train.events.select("user_id", "item_id", "value")
    rows = [(u, i, r, None) for u, i, r in frame.iter_rows()]
    whole = surprise.Dataset(surprise.Reader(rating_scale=(1, 5)))
    peers = whole.construct_trainset(rows)
    run = Run(threads=THREADS)
    yield Pair("SVD, 100 factors, 20 epochs, ml-100k", "Surprise",
               lambda: SVD(rank=100, epochs=20).fit(data, run=run),
               lambda: surprise.SVD(n_factors=100, n_epochs=20).fit(peers), 25.0, 3)  # fmt: skip
    yield Pair("SVD++, 20 factors, 20 epochs, ml-100k", "Surprise",
               lambda: SVDpp(rank=20, epochs=20).fit(data, run=run),
               lambda: surprise.SVDpp(n_factors=20, n_epochs=20).fit(peers), 100.0, 1)  # fmt: skip
    yield Pair("slope one, ml-100k", "Surprise", lambda: SlopeOne().fit(data, run=run),
               lambda: surprise.SlopeOne().fit(peers), 20.0)  # fmt: skip


def of_metrics() -> Iterator[Pair]:
    """Five metrics of 6,000 users against ranx, its set-up left out and put in."""
    import ranx

    random = np.random.default_rng(0)
    n, k, items = 6000, 20, 3000
    item = np.stack([random.permutation(items)[:k] for _ in range(n)]).astype(np.int32)
    relevant = np.stack([np.sort(random.permutation(items)[:10]) for _ in range(n)]).astype(np.int32)
    indptr, count = np.arange(n + 1, dtype=np.int64) * 10, np.full(n, 10)
    names = ("ndcg", "recall", "hr", "map", "mrr")

    def ours() -> None:
        hit = ranking.hits(item, indptr, relevant.ravel())
        for name in names:
            ranking.FUNCTIONS[name](hit, count, k)

    run = {f"u{u}": {f"i{i}": float(k - p) for p, i in enumerate(row)} for u, row in enumerate(item.tolist())}
    truth = {f"u{u}": {f"i{i}": 1 for i in row} for u, row in enumerate(relevant.tolist())}
    asked = [f"{name}@{k}" for name in ("ndcg", "recall", "hit_rate", "map", "mrr")]
    qrels, ready = ranx.Qrels(truth), ranx.Run(run)
    ranx.evaluate(qrels, ready, asked)
    yield Pair("five metrics, 6,000 users", "ranx", ours, lambda: ranx.evaluate(qrels, ready, asked), 25.0)
    yield Pair("five metrics, 6,000 users", "ranx with its set-up", ours,
               lambda: ranx.evaluate(ranx.Qrels(truth), ranx.Run(run), asked), 200.0)  # fmt: skip


def main() -> None:
    peers = {"implicit": of_gowalla, "surprise": of_ratings, "ranx": of_metrics}
    missing = [name for name in peers if find_spec(name) is None]
    if missing:
        raise SystemExit(f"{', '.join(missing)}: not installed; the peers come with pip install -e '.[bench]'")
    rows: list[str] = []
    for pairs in peers.values():
        for pair in pairs():
            rows.append(row(pair))
            print(rows[-1], flush=True)
            body = (
                "## Speed beside other libraries\n\nMade by `make bench-speed`: two threads, jobs in turn, medians; "
                "ratios with the least and the greatest of the turns. `bar`: how many times faster a job is to be.\n\n"
                "| job | peer | ours, wall | theirs, wall | ratio, wall | ours, CPU | theirs, CPU | ratio, CPU "
                "| bar |\n"
                "|---|---|---|---|---|---|---|---|---|\n" + "\n".join(rows)
                + f"\n\nMeasured on {machine('implicit', 'scikit-surprise', 'ranx')}."
            )  # fmt: skip
            write_section("speed", body)


if __name__ == "__main__":
    main()
