"""Predicting ratings beside Surprise and Cornac, with the RMSE of all on ratings held back.

SVD and SVD++ have the same hyperparameters on both sides; slope one has none; NMF has each library's own defaults. A
turn has its own tenth of the ratings held back, so that five turns tell five times and five errors.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from jobs.job import THREADS, Job, Ready, Side, Work
from jobs.sets import ratings
from serendip.data.dataset import Dataset
from serendip.models.contract import Run
from serendip.models.nmf import NMF, factorised
from serendip.models.slopeone import SlopeOne
from serendip.models.svd import SVD
from serendip.models.svdpp import SVDpp

RANKS = {"SVD": 100, "SVD++": 20}
EPOCHS = 20
TURNS = 6  # the first is the one that warms up


def error(told: np.ndarray, rating: np.ndarray) -> dict[str, float]:
    return {"RMSE": float(np.sqrt(np.mean((np.asarray(told, np.float64) - rating) ** 2)))}


def ours(name: str, of: str) -> Ready:
    svd = SVD(rank=100, epochs=EPOCHS, learning_rate=0.005, l2=0.02, l2_bias=0.02, init_std=0.1)
    implied = SVDpp(rank=20, epochs=EPOCHS, learning_rate=0.007, decay=1.0, l2=0.02, l2_bias=0.02, l2_implied=0.02,
                    init_std=0.1)  # fmt: skip
    algorithm = {"SVD": svd, "SVD++": implied, "slope one": SlopeOne()}[name]
    parts = [ratings(of, turn) for turn in range(TURNS)]

    def run(turn: int) -> object:
        return parts[turn], algorithm.fit(parts[turn][0], run=Run(threads=THREADS, seed=turn))

    def quality(found: object) -> dict[str, float]:
        (data, user, item, rating), model = found  # type: ignore[misc]
        return error(model.predict(data.queries(user), item), rating)

    data, work = parts[0][0], None
    if name in RANKS:
        numbers = EPOCHS * data.ratings.nnz * RANKS[name]
        work = Work(flops=10.0 * numbers, gathered=16.0 * numbers, spread=4 * RANKS[name] * data.n_users)
    return Ready(run, quality=quality, work=work)


def our_nmf(of: str) -> Ready:
    """Prepare the fit of ratings alone: NMF fits the interactions too, which is another job."""
    a, parts = NMF(), [ratings(of, turn) for turn in range(TURNS)]

    def run(turn: int) -> object:
        part = parts[turn]
        told = Run(threads=THREADS, seed=turn)
        r = part[0].ratings
        return part, factorised(r, a.rank_ratings, a.epochs_ratings, a.l2_ratings, told, "nmf", given=True)

    def quality(found: object) -> dict[str, float]:
        (_, user, item, rating), (p, q) = found  # type: ignore[misc]
        return error(np.clip(np.einsum("nf,nf->n", p[user], q[item]), 1, 5), rating)

    return Ready(run, quality=quality)


def of_surprise(name: str, of: str) -> Ready:
    import surprise

    parts = [ratings(of, turn) for turn in range(TURNS)]
    sets = [trained(part[0]) for part in parts]
    makes: dict[str, Callable[[int], object]] = {
        "SVD": lambda turn: surprise.SVD(n_factors=100, n_epochs=EPOCHS, random_state=turn),
        "SVD++": lambda turn: surprise.SVDpp(n_factors=20, n_epochs=EPOCHS, random_state=turn),
        "slope one": lambda turn: surprise.SlopeOne(),
        "NMF": lambda turn: surprise.NMF(random_state=turn),
    }

    def run(turn: int) -> object:
        return parts[turn], makes[name](turn).fit(sets[turn])

    def quality(found: object) -> dict[str, float]:
        (_, user, item, rating), model = found  # type: ignore[misc]
        told = [model.predict(int(u), int(i)).est for u, i in zip(user, item, strict=True)]
        return error(np.array(told), rating)

    return Ready(run, quality=quality)


def trained(data: Dataset):
    """Return Surprise's training set of the ratings, by index."""
    import surprise

    r = data.ratings.tocoo()
    rows = zip(r.row.tolist(), r.col.tolist(), r.data.tolist(), [None] * r.nnz, strict=True)
    return surprise.Dataset(surprise.Reader(rating_scale=(1, 5))).construct_trainset(list(rows))


def of_cornac(of: str) -> Ready:
    from cornac.data import Dataset as Peers
    from cornac.models import MF

    parts = [ratings(of, turn) for turn in range(TURNS)]
    coo = [part[0].ratings.tocoo() for part in parts]
    sets = [Peers.from_uir(list(zip(r.row.tolist(), r.col.tolist(), r.data.tolist(), strict=True))) for r in coo]

    def run(turn: int) -> object:
        model = MF(k=100, max_iter=EPOCHS, learning_rate=0.005, lambda_reg=0.02, use_bias=True, num_threads=THREADS,
                   verbose=False, seed=turn)  # fmt: skip
        return turn, model.fit(sets[turn])

    def quality(found: object) -> dict[str, float]:
        turn, model = found  # type: ignore[misc]
        _, user, item, rating = parts[turn]
        to_user, to_item = sets[turn].uid_map, sets[turn].iid_map
        told = [model.rate(to_user[int(u)], to_item[int(i)])
                if int(u) in to_user and int(i) in to_item else sets[turn].global_mean
                for u, i in zip(user, item, strict=True)]  # fmt: skip
        return error(np.array(told), rating)

    return Ready(run, quality=quality)


def beside_surprise(name: str, of: str, bar: float, reason: str = "") -> Job:
    mine = Side(partial(our_nmf, of)) if name == "NMF" else Side(partial(ours, name, of))
    peers, bars = {"Surprise": Side(partial(of_surprise, name, of))}, {"Surprise": bar}
    if name == "SVD":
        peers["Cornac"], bars["Cornac"] = Side(partial(of_cornac, of)), 2.0
    told = f", {RANKS[name]} factors, {EPOCHS} epochs" if name in RANKS else ""
    return Job(f"{name}{told}, {of}", mine, peers, bars, TURNS - 1, reason)


CHAIN = "Each rating's step waits for the step before it: a chain of sums as long as the factors, not their number."

JOBS = [
    beside_surprise("SVD", "ml-1m", 25.0, CHAIN),
    beside_surprise("SVD", "ml-100k", 25.0, CHAIN),
    beside_surprise("SVD++", "ml-100k", 100.0, CHAIN + " And it has one thread."),
    beside_surprise("NMF", "ml-100k", 20.0),
    beside_surprise("slope one", "ml-100k", 20.0),
]
