"""The last stage before what stands in: re-rankers one after the other, caps, and chance."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from serendip.arrays import F32, I32, I64
from serendip.pipeline.about import About
from serendip.pipeline.made import Scored
from serendip.pipeline.rules import Cap
from serendip.rerank.candidates import Candidates, Reranker
from serendip.rerank.exploration import Exploration

WIDER = 3  # a re-ranker that another follows puts forward so many times what is shown


class Caps:
    """How many of each class a slate holds so far, and may hold."""

    def __init__(self, caps: Sequence[Cap], shown: I32) -> None:
        self.caps = caps
        self.count: list[Counter[int]] = [Counter() for _ in caps]
        for item in shown.tolist():
            self.add(item)

    def add(self, item: int) -> None:
        """Count an item that is shown."""
        for cap, count in zip(self.caps, self.count, strict=True):
            count.update(cap.of(item))

    def spare(self, item: int, more: int) -> bool:
        """Return whether so many items of each class of this one may still come."""
        return all(
            count[one] + more <= cap.most
            for cap, count in zip(self.caps, self.count, strict=True)
            for one in cap.of(item)
        )

    def let(self, items: I32, room: int) -> tuple[I64, I64]:
        """Return the places of the first `room` items that may still come, now counted, and of those turned away."""
        if not self.caps:
            return np.arange(min(max(room, 0), len(items)), dtype=np.int64), np.empty(0, np.int64)
        let: list[int] = []
        away: list[int] = []
        for n, item in enumerate(items.tolist()):
            if len(let) >= room:
                break
            if self.spare(item, 1):
                self.add(item)
                let.append(n)
            else:
                away.append(n)
        return np.array(let, np.int64), np.array(away, np.int64)


def ordered(
    ranked: Scored, rerank: Sequence[Reranker], about: About | None, history: I32, room: int, caps: Caps, seed: int
) -> tuple[I64, F32 | None, I64]:
    """Return who stands at each position, the propensities where chance took part, and who was over a cap.

    Exploration comes last whatever its place, and draws only what no cap can turn away. All are places in `ranked`.
    """
    steps = [one for one in rerank if not isinstance(one, Exploration)]
    chances = [one for one in rerank if isinstance(one, Exploration)]
    m = len(ranked.item)
    place = np.arange(m, dtype=np.int64)
    if steps and m:
        given = candidates(ranked, about, history, seed)
        for n, step in enumerate(steps):
            wide = room if n == len(steps) - 1 and not caps.caps else min(m, WIDER * room)
            place = place[step.rerank(given.take(place), wide).index]
        place = np.concatenate([place, np.setdiff1d(np.arange(m), place)])
    let, away = caps.let(ranked.item[place], room)
    index, over = place[let], place[away]
    if not chances or not len(index):
        return index, None, over
    slots = max(one.slots for one in chances)
    below = np.setdiff1d(np.arange(m), np.concatenate([index, over]))
    below = below[[caps.spare(item, slots) for item in ranked.item[below].tolist()]] if caps.caps else below
    pool = np.concatenate([index, below]).astype(np.int64)
    order = chances[0].rerank(empty(ranked.score[pool], seed), len(index))
    for new in np.setdiff1d(pool[order.index], index).tolist():
        caps.add(int(ranked.item[new]))
    return pool[order.index], order.propensity, over


def candidates(ranked: Scored, about: About | None, history: I32, seed: int) -> Candidates:
    """Return what re-rankers are told of the candidates."""
    if about is None:
        return empty(ranked.score, seed)
    m = len(ranked.item)
    classes = np.zeros((m, 0), np.float32) if about.classes is None else about.classes.rows(ranked.item)
    return Candidates(ranked.score, about.near(ranked.item), classes, about.taste(history), seed)


def empty(score: F32, seed: int) -> Candidates:
    """Return candidates of which nothing is known but their scores."""
    none = np.zeros((len(score), 0), np.float32)
    return Candidates(score, none, none, np.zeros(0, np.float32), seed)
