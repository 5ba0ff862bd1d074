"""The best items: of all users beside implicit, of one query beside NumPy and faiss."""

from functools import partial

import numpy as np
from scipy.sparse import csr_matrix
from synthetic import KEPT

from jobs.job import THREADS, Job, Ready, Side, Work
from jobs.sets import dataset, gowalla
from serendip.arrays import ItemLists
from serendip.kernels.index import prepare
from serendip.kernels.topk import topk_dot
from serendip.models.als import ALS
from serendip.models.contract import Run

RANK, K, MANY, USERS = 64, 10, 300_000, 2000
Case = tuple[np.ndarray, np.ndarray, csr_matrix | None]  # users' and items' factors, what is left out


def fitted() -> Case:
    """Return factors that ALS fitted on gowalla, the same in each process, and what the users have."""
    x, file = gowalla(), KEPT / "gowalla-als.npz"
    if not file.exists():
        model = ALS(rank=RANK, epochs=8).fit(dataset(x), run=Run(threads=THREADS))
        KEPT.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part.npz")
        np.savez(part, p=np.asarray(model.user_factors), q=np.asarray(model.item_factors))
        part.replace(file)
    with np.load(file) as kept:
        return kept["p"], kept["q"], x


def drawn(spread: float) -> Case:
    """Return normal factors; the items' lengths vary by a log-normal factor of this sigma."""
    random = np.random.default_rng(1)
    p, q = (random.standard_normal((n, RANK), np.float32) for n in (USERS, MANY))
    return p, q * np.exp(spread * random.standard_normal((MANY, 1), np.float32)), None


def tie(n: int) -> np.ndarray:
    return np.random.default_rng(2).permutation(n).astype(np.int32)


def ours(make) -> Ready:
    p, q, out = make()
    order = tie(len(q))
    leave = None if out is None else ItemLists.of(out)
    flops = 2.0 * p.size * len(q)
    return Ready(lambda turn: topk_dot(p, q, None, K, order, exclude=leave, threads=THREADS), work=Work(flops))


def theirs(make) -> Ready:
    from implicit.als import AlternatingLeastSquares

    p, q, out = make()
    model = AlternatingLeastSquares(factors=RANK, num_threads=THREADS)
    model.user_factors, model.item_factors = p, q
    users = np.arange(len(p))
    seen = csr_matrix((len(p), len(q)), dtype=np.float32) if out is None else out
    return Ready(lambda turn: model.recommend(users, seen, N=K, filter_already_liked_items=out is not None))


QUERIES = 20


def same(make):
    """Return the quality of an answer: how many of the best 10 it has."""
    p, q, _ = make()
    best = np.argsort(-(p[:QUERIES] @ q.T), axis=1)[:, :K]

    def quality(found: object) -> dict[str, float]:
        hits = [np.isin(a, b).mean() for a, b in zip(np.asarray(found), best, strict=True)]
        return {"recall@10": float(np.mean(hits))}

    return quality


def one_ours(make) -> Ready:
    p, q, _ = make()
    index = prepare(q, None, tie(len(q)), threads=THREADS)

    def run(turn: int) -> np.ndarray:
        return np.vstack([index.top(p[u : u + 1], K, threads=THREADS)[0] for u in range(QUERIES)])

    return Ready(run, QUERIES, quality=same(make), work=Work(streamed=float(len(q) * (RANK + 16) * QUERIES)))


def one_numpy(make) -> Ready:
    p, q, _ = make()

    def top(x: np.ndarray) -> np.ndarray:
        scores = q @ x
        some = np.argpartition(-scores, K)[:K]
        return some[np.argsort(-scores[some])]

    return Ready(lambda turn: np.array([top(p[u]) for u in range(QUERIES)]), QUERIES, quality=same(make))


def one_faiss(make, kind: str) -> Ready:
    import faiss

    faiss.omp_set_num_threads(THREADS)
    p, q, _ = make()
    if kind == "flat":
        index = faiss.IndexFlatIP(RANK)
    else:
        index = faiss.IndexHNSWFlat(RANK, 32, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efSearch = 64
    index.add(np.ascontiguousarray(q))

    def run(turn: int) -> np.ndarray:
        return np.vstack([index.search(p[u : u + 1], K)[1] for u in range(QUERIES)])

    return Ready(run, QUERIES, quality=same(make))


VARY, ALIKE = partial(drawn, 0.5), partial(drawn, 0.0)
PRUNED = "Items whose norm is too small are passed over, so that the work that stands here is not all done."

JOBS = [
    Job("top 10 of all users, seen items left out, gowalla", Side(partial(ours, fitted)),
        {"implicit": Side(partial(theirs, fitted))}, {"implicit": 25.0}, reason=PRUNED),
    Job("top 10 of 300k items, 2,000 users, norms vary", Side(partial(ours, VARY)),
        {"implicit": Side(partial(theirs, VARY))}, {"implicit": 10.0}, reason=PRUNED),
    Job("top 10 of 300k items, 2,000 users, norms alike", Side(partial(ours, ALIKE)),
        {"implicit": Side(partial(theirs, ALIKE))}),
    *(Job(f"one query, top 10 of 300k items, norms {words}", Side(partial(one_ours, make)),
          {"NumPy": Side(partial(one_numpy, make), blas=THREADS),
           "faiss flat": Side(partial(one_faiss, make, "flat"), blas=THREADS),
           "faiss HNSW": Side(partial(one_faiss, make, "hnsw"))},
          {"NumPy": 1.0, "faiss flat": 1.0}, reason="A query is over before a second thread could help.")
      for words, make in (("vary", VARY), ("alike", ALIKE))),
]  # fmt: skip
