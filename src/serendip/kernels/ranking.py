"""Ranking metrics of all users in one pass over their slates: the formulas are in metrics/ranking.py."""

from collections.abc import Sequence

import numpy as np

from serendip.arrays import F64, I32, I64, Bool
from serendip.kernels import compiled

KINDS = ("precision", "recall", "hr", "map", "mrr", "ndcg")


def rank_metrics(
    item: I32,
    indptr: I64,
    indices: I32,
    n_relevant: I64,
    wanted: Sequence[tuple[str, int]],
    *,
    threads: int | None = None,
) -> tuple[Bool, F64]:
    """Return which positions of each slate hit (B, k), and each wanted metric of each user (M, B).

    O(B k) time for short lists of relevant items. A user without anything relevant gets NaN.

    Args:
        item: (B, k) slates, padded with -1, which never hits.
        indptr: (B+1,) where each user's relevant items begin in indices.
        indices: (nnz,) relevant items, in any order; negative ones never hit.
        n_relevant: (B,) how many items are relevant; it may count some that indices leaves out.
        wanted: (kind out of KINDS, at rank) of each metric; a rank of at least 1 and at most k.
        threads: None means every core.

    Raises:
        ValueError: shapes that do not fit, an unknown kind, or a rank beyond the slates.
    """
    item, indices = np.ascontiguousarray(item, np.int32), np.ascontiguousarray(indices, np.int32)
    indptr, n_relevant = np.ascontiguousarray(indptr, np.int64), np.ascontiguousarray(n_relevant, np.int64)
    if item.ndim != 2 or n_relevant.shape != item.shape[:1]:
        raise ValueError(f"item {item.shape} must be a matrix, and n_relevant {n_relevant.shape} as long as it")
    if indptr.shape != (len(item) + 1,) or indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise ValueError(f"indptr must rise from 0 to {len(indices)}, with one more entry than the {len(item)} slates")
    for kind, at in wanted:
        if kind not in KINDS or not 1 <= at <= item.shape[1]:
            raise ValueError(f"{kind}@{at}: kinds are {', '.join(KINDS)}, ranks go from 1 to {item.shape[1]}")
    if not compiled.native:
        compiled.say_once()
        return rank_metrics_numpy(item, indptr, indices, n_relevant, wanted)
    hit, value = np.empty(item.shape, np.uint8), np.empty((len(wanted), len(item)))
    compiled.module.ranking(
        item, indptr, indices, n_relevant,
        np.array([KINDS.index(kind) for kind, _ in wanted], np.int32), np.array([at for _, at in wanted], np.int64),
        hit, value, threads or compiled.default_threads(),
    )  # fmt: skip
    return hit.view(np.bool_), value


def rank_metrics_numpy(
    item: I32, indptr: I64, indices: I32, n_relevant: I64, wanted: Sequence[tuple[str, int]]
) -> tuple[Bool, F64]:
    """Do what `rank_metrics` does, user by user."""
    hit, value = np.zeros(item.shape, np.bool_), np.full((len(wanted), len(item)), np.nan)
    for u, slate in enumerate(item):
        hit[u] = np.isin(slate, indices[indptr[u] : indptr[u + 1]]) & (slate >= 0)
        r = int(n_relevant[u])
        if r <= 0:
            continue
        for m, (kind, k) in enumerate(wanted):
            place = np.flatnonzero(hit[u, :k]) + 1  # of each hit, from 1
            value[m, u] = {
                "precision": len(place) / k,
                "recall": len(place) / r,
                "hr": float(len(place) > 0),
                "map": (np.arange(1, len(place) + 1) / place).sum() / min(k, r),
                "mrr": 1 / place[0] if len(place) else 0.0,
                "ndcg": (1 / np.log2(place + 1)).sum() / (1 / np.log2(np.arange(2, min(k, r) + 2))).sum(),
            }[kind]
    return hit, value
