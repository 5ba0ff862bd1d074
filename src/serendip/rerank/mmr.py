"""MMR, maximal marginal relevance: each position takes what is relevant and unlike what stands above it.

Carbonell and Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing summaries",
SIGIR 1998.
"""

from dataclasses import dataclass

import numpy as np

from serendip.arrays import I64
from serendip.rerank.candidates import Candidates, Order, within


@dataclass(frozen=True)
class MMR:
    """argmax over i not in S of relevance rel_i - (1 - relevance) max over j in S of cos(i, j).  O(k m d) time.

    relevance: lambda of the paper, 1 leaves the order as it is. rel is scaled to 0..1 over the candidates.
    """

    relevance: float = 0.7

    def __post_init__(self) -> None:
        within(self.relevance, 0, 1, "mmr: relevance")

    def rerank(self, candidates: Candidates, k: int) -> Order:
        worth, vectors = self.relevance * candidates.relevance, candidates.vectors  # (m,), (m, d)
        nearest, free = np.zeros(len(worth), np.float32), np.zeros(len(worth), np.float32)
        picked: list[int] = []
        for _ in range(min(k, len(worth))):
            best = int(np.argmax(worth - (1 - self.relevance) * nearest + free))
            picked.append(best)
            free[best] = -np.inf
            np.maximum(nearest, vectors @ vectors[best], out=nearest)
        index: I64 = np.array(picked, np.int64)
        return Order(index)
