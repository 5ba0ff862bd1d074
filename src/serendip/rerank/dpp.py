"""DPP: the set of items that a determinantal point process thinks likeliest, found greedily.

Chen, Zhang and Zhou, "Fast greedy MAP inference for determinantal point process to improve recommendation diversity",
NeurIPS 2018, arXiv:1709.05135, algorithm 1.
"""

from dataclasses import dataclass

import numpy as np

from serendip.errors import UserError
from serendip.rerank.candidates import Candidates, Order, within

JITTER = 0.1  # share of the identity in S, so that two items of one kind may both stand in a slate
LEAST = 1e-10  # of d^2: what is left is as good as implied by what was picked


@dataclass(frozen=True)
class DPP:
    """argmax det(L_S), L = Diag(q) S Diag(q), q_i = exp(alpha rel_i), S_ij = cos(i, j).  O(k m (d + k)) time.

    relevance: theta, from 0 (diversity alone) to below 1, alpha = theta / (2 (1 - theta)) (eq. 15). rel is scaled to
    0..1 over the candidates.
    """

    relevance: float = 0.8

    def __post_init__(self) -> None:
        within(self.relevance, 0, 1, "dpp: relevance")
        if self.relevance == 1:
            raise UserError("dpp: relevance is below 1; at 1 the scores decide alone, and that is no re-ranking")

    def rerank(self, candidates: Candidates, k: int) -> Order:
        m, n = len(candidates), min(k, len(candidates))
        alpha = self.relevance / (2 * (1 - self.relevance))
        quality = np.exp(alpha * (candidates.relevance.astype(np.float64) - 1))  # (m,), at most 1: det scales alike
        v = candidates.vectors.astype(np.float64)
        c = np.zeros((n, m))  # rows of the Cholesky factor
        d2 = quality**2  # (m,), S_ii = 1
        free = np.ones(m, np.bool_)
        picked: list[int] = []
        while len(picked) < n:
            j = int(np.argmax(np.where(free, d2, -np.inf)))
            if d2[j] < LEAST:
                break
            picked.append(j)
            free[j] = False
            row = (1 - JITTER) * (v @ v[j])
            row[j] = 1
            done = len(picked) - 1
            e = (quality[j] * quality * row - c[:done, j] @ c[:done]) / np.sqrt(d2[j])  # (m,)
            c[done] = e
            d2 = d2 - e**2
        rest = np.flatnonzero(free)[: n - len(picked)]  # by score
        return Order(np.concatenate([np.array(picked, np.int64), rest.astype(np.int64)]))
