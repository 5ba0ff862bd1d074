"""What a re-ranker orders, and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Protocol, TypeVar

import numpy as np

from serendip.arrays import F32, I64
from serendip.errors import UserError, nearest

T = TypeVar("T")


@dataclass(frozen=True)
class Candidates:
    """The m candidates of one query.

    score (m,) float32, descending and finite; vectors (m, d) float32: what they are like, rows of length 1, or 0 where
    nothing is known; classes (m, c) float32: p(class | item), rows sum to 1, or to 0; taste (c,) float32: p(class |
    user) of the history, all 0 where there is none; seed: of all that is drawn.
    """

    score: F32
    vectors: F32
    classes: F32
    taste: F32
    seed: int = 0

    def __len__(self) -> int:
        return len(self.score)

    @property
    def relevance(self) -> F32:
        """The scores between 0, the lowest candidate's, and 1, the highest's; all 1 where they are equal.  # (m,)"""
        low, high = self.score.min(initial=np.inf), self.score.max(initial=-np.inf)
        if not high > low:
            return np.ones(len(self), np.float32)
        scaled: F32 = ((self.score - low) / (high - low)).astype(np.float32)
        return scaled

    def take(self, index: I64) -> "Candidates":
        """Return some of the candidates, in this order."""
        return Candidates(self.score[index], self.vectors[index], self.classes[index], self.taste, self.seed)


@dataclass(frozen=True)
class Order:
    """Which candidate stands at each position: index (n,) int64, none twice; propensity (n,): the probability that it
    stood there, where chance took part."""

    index: I64
    propensity: F32 | None = None


class Reranker(Protocol):
    """Orders candidates: frozen, and the same candidates with the same seed give the same order."""

    def rerank(self, candidates: Candidates, k: int) -> Order:
        """Return who stands at the first min(k, m) positions."""
        ...


def configured(kind: type[T], name: str, settings: Mapping[str, str]) -> T:
    """Return a re-ranker with its numbers given as text.

    Raises:
        UserError: a name is not known, or a value is no number or out of its bounds.
    """
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    values: dict[str, float | int] = {}
    for what, text in settings.items():
        if what not in known:
            raise UserError(f"{name} has no setting {what!r}{nearest(what, known)}")
        whole = isinstance(known[what].default, int)
        try:
            values[what] = int(text) if whole else float(text)
        except ValueError:
            raise UserError(f"{name}: {what} is a {'whole ' if whole else ''}number, not {text!r}") from None
    return kind(**values)


def within(value: float, low: float, high: float, what: str) -> None:
    """Raise a UserError where a setting is out of its bounds."""
    if not low <= value <= high:
        raise UserError(f"{what} lies from {low:g} to {high:g}, and {value:g} does not")
