"""What a pipeline is asked, and what it makes: a slate, where each score comes from, and what each stage left out."""

from dataclasses import dataclass, field

import numpy as np

from serendip.arrays import F32, I8, I32, I64
from serendip.data.queries import Queries
from serendip.models.contract import Model

AGGREGATES = ("average", "least-misery", "most-pleasure")


@dataclass(frozen=True)
class Asked:
    """One question to a pipeline.

    queries: who asks, several for a group; exclude: items never to be shown; candidates: the only ones that may be;
    item: whose page it is, -1: nobody's; aggregate: what a group's score is, one of AGGREGATES; seed: of all that is
    drawn; now: ms since 1970; keep_seen: whether what the history holds may come again.
    """

    queries: Queries
    k: int
    exclude: I32 = field(default_factory=lambda: np.empty(0, np.int32))
    candidates: I32 | None = None
    item: int = -1
    aggregate: str = AGGREGATES[0]
    seed: int = 0
    now: int = 0
    keep_seen: bool = False


@dataclass(frozen=True)
class Step:
    """What a stage did: how many items it let through, and which it left out, by reason; ms that it took."""

    stage: str
    kept: int
    dropped: tuple[tuple[str, I32], ...] = ()
    ms: float = 0.0


@dataclass(frozen=True)
class Term:
    """A score that others are made of: a model's for one query, or, without a model, likeness to an item."""

    model: Model | None
    queries: Queries
    item: int = -1


@dataclass(frozen=True)
class Scored:
    """Candidates with scores: score_i = base_i + sum over the terms t of weight_it (what term t says of i) + raised_i.

    item (m,) int32; score, base, raised (m,) float32; weight (m, T) float32; raised is what rules added.
    """

    item: I32
    score: F32
    terms: tuple[Term, ...]
    weight: F32
    base: F32
    raised: F32

    def take(self, index: I64) -> "Scored":
        """Return some of the candidates, in this order."""
        rest = (one[index] for one in (self.weight, self.base, self.raised))
        return Scored(self.item[index], self.score[index], self.terms, *rest)


def scored(item: I32, score: F32, term: Term) -> Scored:
    """Return candidates whose score is what one model says."""
    n = len(item)
    return Scored(item, score, (term,), np.ones((n, 1), np.float32), np.zeros(n, np.float32), np.zeros(n, np.float32))


def joined(parts: list[Scored]) -> Scored:
    """Return candidates one after the other, each with its own terms."""
    terms = tuple(term for part in parts for term in part.terms)
    weight = np.zeros((sum(len(part.item) for part in parts), len(terms)), np.float32)
    row = column = 0
    for part in parts:
        n, t = part.weight.shape
        weight[row : row + n, column : column + t] = part.weight
        row, column = row + n, column + t
    item, score, base, raised = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("item", "score", "base", "raised")
    )
    return Scored(item, score, terms, weight, base, raised)


@dataclass(frozen=True)
class Made:
    """A slate of one question: scored in the order of its positions; stage (n,): where each position came from, in
    STAGES; propensity (n,): the probability that the item stood there, None where no chance took part."""

    scored: Scored
    stage: I8
    trace: tuple[Step, ...]
    propensity: F32 | None = None
    faults: tuple[str, ...] = ()
