"""What BPR and WARP share: learning factors from pairs, when to stop, and how newcomers are folded in."""

from dataclasses import replace
from functools import partial

import numpy as np

from serendip.arrays import CSR, ItemLists, columns_used
from serendip.data.dataset import Dataset
from serendip.kernels.als import solve_rows
from serendip.kernels.gram import gram
from serendip.kernels.pairwise import Ranking, Steps, pairwise_epochs, pairwise_start
from serendip.kernels.system import Systems
from serendip.kernels.topk import topk_dot
from serendip.models.contract import Run, learnable
from serendip.models.cost import Cost, Size
from serendip.models.factors import Factors, FoldIn
from serendip.models.stopping import CHECKS, best_epoch, judges, mean_ndcg

IMITATED = 4000  # users whose fitted rows the fold-in is made to come near
POSITIVE = 16  # bytes that an interaction takes while pairs are drawn
FOLD = FoldIn(l2=3.0, unobserved=0.03)  # at or near the best on MovieLens and Gowalla; the target follows from the fit


def fit_pairs(data: Dataset, steps: Steps, *, rank: int, epochs: int, init_std: float, run: Run) -> Factors:
    """Return the factors that pairs teach, those of the best epoch where the run has a validation part."""
    learnable(data, steps.loss)
    matrix = data.matrix  # (n_users, n_items)
    taken = ItemLists.of(matrix)
    w = pairwise_start(taken, data.n_items, rank=rank, init_std=init_std, seed=run.seed)
    start = run.start
    if isinstance(start, Factors) and start.rank == rank and start.item_bias is not None:
        given = start.user_factors, start.item_factors, start.item_bias
        for mine, before in zip((w.p[:, :rank], w.q[:, :rank], w.bias), given, strict=True):
            mine[: len(before)] = before[: len(mine)]
    learning = pairwise_epochs(w, taken, steps, epochs=epochs, seed=run.seed, threads=run.threads)
    error = None
    if run.validation is not None and len(run.validation):
        error = partial(judgement, data, run.validation, run.threads)
    w = best_epoch(w, learning, error, n=epochs, what=steps.loss, run=run, every=max(1, epochs // CHECKS))
    w = Ranking(np.ascontiguousarray(w.p[:, :rank]), np.ascontiguousarray(w.q[:, :rank]), w.bias)
    known = columns_used(matrix)
    fold = imitating(w, matrix, run.threads)
    return Factors(
        data.users, data.items, data.fitted_rules, w.p, w.q, data.history.fingerprint(), known, fold,
        fold.unobserved * gram(w.q), item_bias=w.bias,
    )  # fmt: skip


def pairs_cost(size: Size, rank: int, epochs: int) -> Cost:
    """Return what `fit_pairs` costs; how many negatives are drawn for a pair is taken to be as in a sample."""
    n = size.n_users + size.n_items
    factors = 4 * rank * (n + max(size.n_users, size.n_items))  # with the draw that they begin as
    return Cost(factors + POSITIVE * size.pairs, epochs * size.pairs * (rank + 16))


def judgement(data: Dataset, validation: Dataset, threads: int | None, w: Ranking) -> float:
    """Return 1 - NDCG@20 over users of the validation part, without what they took before."""
    user, withheld = judges(data, validation)
    if not len(user):
        return 1.0
    taken, k = ItemLists.of(data.matrix[user]), min(20, len(w.q))
    item, _ = topk_dot(w.p[user], w.q, w.bias, k, data.items.tie, exclude=taken, threads=threads)
    return 1 - mean_ndcg(item, withheld)


def imitating(w: Ranking, matrix: CSR, threads: int | None) -> FoldIn:
    """Return a ridge regression with the target that makes its scores come nearest to those of the fitted rows.

    Folded rows x follow from target 1; those from target t are t x, and sum |(t x - p) Y'|^2 is least at this t.
    """
    user = np.flatnonzero(np.diff(matrix.indptr))
    user = user[:: max(1, len(user) // IMITATED)]
    products, rows = gram(w.q, threads=threads), matrix[user]
    x = np.zeros((len(user), w.q.shape[1]), np.float32)
    l2 = np.full(len(user), FOLD.l2, np.float32)
    scaled = np.float32(FOLD.unobserved) * products
    systems = Systems(rows.indptr.astype(np.int64), rows.indices, rows.data, rows.data, w.q, scaled, l2)
    solve_rows(systems, x, threads=threads)
    p, both = w.p[user] @ products, float(np.einsum("uf,uf->", x @ products, x))
    target = float(np.einsum("uf,uf->", p, x)) / both if both > 0 else 1.0
    return replace(FOLD, target=max(target, 1e-3))
