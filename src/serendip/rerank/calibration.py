"""Calibration: a slate whose classes stand in the proportions of the user's history.

Steck, "Calibrated recommendations", RecSys 2018.
"""

from dataclasses import dataclass

import numpy as np

from serendip.arrays import F32, F64
from serendip.rerank.candidates import Candidates, Order, within

ALPHA = 0.01  # share of p in q~, so that a class without an item costs a finite amount (eq. 5)


@dataclass(frozen=True)
class Calibration:
    """argmax (1 - weight) sum over S of rel_i - weight C_KL(p, q(S)), greedily (eq. 7 and 8).  O(k m c) time.

    weight: lambda of the paper, 0 leaves the order as it is. p: the classes of the history; q: those of the slate.
    rel is scaled to 0..1 over the candidates. Without a history, and without classes, the scores decide.
    """

    weight: float = 0.5

    def __post_init__(self) -> None:
        within(self.weight, 0, 1, "calibration: weight")

    def rerank(self, candidates: Candidates, k: int) -> Order:
        p = candidates.taste.astype(np.float64)
        n = min(k, len(candidates))
        if not p.sum() > 0:
            return Order(np.arange(n, dtype=np.int64))
        classes, worth = candidates.classes.astype(np.float64), (1 - self.weight) * candidates.relevance
        told = classes.sum(axis=1)  # 1, 0 for an item without a class
        total, count = np.zeros_like(p), 0.0
        free = np.zeros(len(candidates))
        picked: list[int] = []
        for _ in range(n):
            q = (total + classes) / np.maximum(count + told, 1)[:, None]  # (m, c), were each candidate to come next
            best = int(np.argmax(worth - self.weight * divergence(p, q) + free))
            picked.append(best)
            free[best] = -np.inf
            total, count = total + classes[best], count + told[best]
        return Order(np.array(picked, np.int64))


def divergence(p: F32 | F64, q: F64) -> F64:
    """Return C_KL(p, q~) = sum over the classes of p log(p / q~), q~ = (1 - alpha) q + alpha p.  # (m,)

    p (c,), q (m, c).
    """
    some = p > 0
    p = p[some] / p.sum()
    mixed = (1 - ALPHA) * q[:, some] + ALPHA * p
    found: F64 = (p * np.log(p / mixed)).sum(axis=1)
    return found
