"""Exploration: some positions are left to chance, with a known probability, so that what is shown can be learned from.

Epsilon-greedy after Sutton and Barto, "Reinforcement Learning: An Introduction", 2nd edition, 2018, section 2.2, a
position at a time; what the propensities are for: Schnabel et al., "Recommendations as treatments", ICML 2016,
arXiv:1602.05352.
"""

from dataclasses import dataclass

import numpy as np

from serendip.rerank.candidates import Candidates, Order, within


@dataclass(frozen=True)
class Exploration:
    """Each of the last `slots` positions shows, with probability epsilon, a candidate drawn from those below the slate.

    Candidates are drawn without replacement, all alike, so that by symmetry each of the P below stands at a slot with
    probability epsilon / P; who would stand there anyway does with 1 - epsilon, and with 1 where there is no slot.
    """

    epsilon: float = 0.1
    slots: int = 3

    def __post_init__(self) -> None:
        within(self.epsilon, 0, 1, "explore: epsilon")
        within(self.slots, 0, 1000, "explore: slots")

    def rerank(self, candidates: Candidates, k: int) -> Order:
        m, n = len(candidates), min(k, len(candidates))
        index, propensity = np.arange(n, dtype=np.int64), np.ones(n, np.float32)
        below = m - n
        slots = min(self.slots, n, below)
        if slots == 0:
            return Order(index, propensity)
        generator = np.random.default_rng(candidates.seed)
        chance = generator.random(slots) < self.epsilon
        drawn = n + generator.permutation(below)[:slots]
        index[n - slots :] = np.where(chance, drawn, index[n - slots :])
        propensity[n - slots :] = np.where(chance, self.epsilon / below, 1 - self.epsilon)
        return Order(index, propensity)
