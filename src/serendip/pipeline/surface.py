"""A named pipeline at work: retrieve, filter, rank, re-rank, and what stands in; never an item that may not be shown.

What is filtered is known before anything is retrieved, so that each source gives as many candidates as it is asked for.
"""

import time
from dataclasses import dataclass, field, replace

import numpy as np

from serendip.arrays import I8, I32, I64, Bool, ItemLists
from serendip.data.queries import Queries
from serendip.data.slates import Slates
from serendip.models.contract import Model
from serendip.pipeline.about import About
from serendip.pipeline.group import of_group, of_page
from serendip.pipeline.made import Asked, Made, Scored, Step, Term, joined, scored
from serendip.pipeline.order import Caps, ordered
from serendip.pipeline.pipeline import STAGES, Pipeline
from serendip.pipeline.retrieve import all_of, candidates, recommended, scores
from serendip.pipeline.rules import Pin, Ruled
from serendip.pipeline.stages import Source, Stages

DEPTH = 200  # candidates where more than k are needed and no source says how many
FALLBACK, STATIC, CATALOGUE, PINNED = (STAGES.index(name) for name in ("fallback", "static", "catalogue", "rule"))


@dataclass(frozen=True)
class Surface:
    """A pipeline with the stages of a name and the rules of the moment; `recommend` makes it a thing to be judged.

    similar: the model that knows similar items; about: what items are like; n_items: how many there are, those newer
    than the model too: the newest of them fill a slate when all else knows too few.
    """

    pipeline: Pipeline
    stages: Stages = field(default_factory=Stages)
    ruled: Ruled = field(default_factory=Ruled)
    similar: Model | None = None
    about: About | None = None
    n_items: int = 0

    @property
    def ranker(self) -> Model:
        """The model whose scores rank the candidates."""
        return self.stages.ranker or self.pipeline.model

    def recommend(
        self, queries: Queries, k: int, candidates: ItemLists | None = None, exclude: ItemLists | None = None
    ) -> Slates:
        """Return k items a query; where `exclude` is given, it alone says what was seen."""
        slates = Slates.empty(len(queries), k)
        for b in range(len(queries)):
            one = queries.rows(slice(b, b + 1))
            row = np.array([b])
            asked = Asked(
                one,
                k,
                np.empty(0, np.int32) if exclude is None else exclude.rows(row).item,
                None if candidates is None else candidates.rows(row).item,
                seed=b,
                now=moment(one),
                keep_seen=exclude is not None,
            )
            made = self.made(asked).scored
            slates.item[b, : len(made.item)], slates.score[b, : len(made.item)] = made.item, made.score
        return slates

    def made(self, asked: Asked) -> Made:
        """Return the slate of one question, with what each stage did."""
        clock = [time.perf_counter()]

        def took() -> float:
            clock.append(time.perf_counter())
            return round((clock[-1] - clock[-2]) * 1e3, 3)

        shut, dropped = self.filtered(asked)
        steps = [Step("filter", int(len(shut) - shut.sum()), dropped, took())]
        found = self.retrieved(asked, shut)
        n = int(found.filled[0]) if isinstance(found, Slates) else len(found)
        steps.insert(0, Step("retrieve", n, (), took()))
        ranked, unknown = self.ranked(asked, found)
        steps.append(Step("rank", len(ranked.item), named("the model knows nothing of it", unknown), took()))
        pins = self.pins(asked)
        pinned = np.array([one.item for one in pins], np.int32)
        if pins:
            ranked = ranked.take(np.flatnonzero(~np.isin(ranked.item, pinned)))
        caps, room = Caps(self.ruled.caps, pinned), asked.k - len(pins)
        history = asked.queries.history.item
        index, chance, over = ordered(ranked, self.stages.rerank, self.about, history, room, caps, asked.seed)
        first = ranked.take(index)
        steps.append(Step("rerank", len(index), named("over a cap", ranked.item[over]), took()))
        slate, stage = self.filled(asked, first, room, shut, caps, pinned)
        steps.append(Step("fallback", len(slate.item), (), took()))
        if chance is not None:
            chance = np.concatenate([chance, np.ones(len(slate.item) - len(index), np.float32)])
        if pins:
            slate, order = self.with_pins(asked, slate, pins)
            stage = np.concatenate([stage, np.full(len(pins), PINNED, np.int8)])[order]
            chance = None if chance is None else np.concatenate([chance, np.ones(len(pins), np.float32)])[order]
        return Made(slate, stage, tuple(steps), chance, self.ruled.faults)

    def filtered(self, asked: Asked) -> tuple[Bool, tuple[tuple[str, I32], ...]]:
        """Return which items are not to be shown, and why.  # (n_items,)"""
        shut = np.zeros(max(self.n_items, self.pipeline.model.n_items, self.stages.n_items), np.bool_)
        none = np.empty(0, np.int32)
        dropped = [
            *named("hidden or left out of the project", self.pipeline.banned),
            *named("left out by the request", asked.exclude),
            *named("seen", none if asked.keep_seen else self.stages.out(asked.queries.history, asked.now)),
            *named("the item of the page", np.array([asked.item], np.int32) if asked.item >= 0 else none),
        ]
        for _, items in dropped:
            shut[items[(items >= 0) & (items < len(shut))]] = True
        if self.ruled.shut is not None:
            shut[: len(self.ruled.shut)] |= self.ruled.shut[: len(shut)]
        if asked.candidates is not None:
            others = np.ones(len(shut), np.bool_)
            others[asked.candidates] = False
            shut |= others
            dropped += named("no candidate of the request", np.flatnonzero(others).astype(np.int32))
        return shut, (*dropped, *self.ruled.dropped)

    def shut(self) -> I32:
        """Return the items that nobody is shown now: banned ones, and those that rules leave out.  # (m,) ascending"""
        ruled = self.ruled.shut
        none = np.empty(0, np.int64) if ruled is None else np.flatnonzero(ruled)
        return np.union1d(self.pipeline.banned, none).astype(np.int32)

    @property
    def plain(self) -> bool:
        """Whether the k best of the model are all that is needed."""
        orders = self.stages.rerank or self.ruled.factor is not None or self.ruled.caps or self.ruled.pins
        return not (self.stages.retrieve or self.stages.ranker or orders)

    def retrieved(self, asked: Asked, shut: Bool) -> Slates | I32:
        """Return the candidates, ascending; the model's own slate where that is all that is needed."""
        page = asked.item >= 0
        if self.plain and not page and len(asked.queries) == 1:
            return recommended(self.pipeline.model, asked.queries, asked.k, shut)
        depth = max(DEPTH, 2 * asked.k)
        sources = list(self.stages.retrieve) or [Source("similar" if page else "model", depth)]
        if page and not any(one.name == "similar" for one in sources):
            sources.append(Source("similar", depth))
        found = [candidates(self.pipeline, self.similar, one, asked, shut) for one in sources]
        if len(self.ruled.raised):  # what a rule raises may lie far below the first candidates
            low = np.ones(len(shut), np.bool_)
            low[self.ruled.raised[self.ruled.raised < len(shut)]] = False
            found.append(all_of(recommended(self.ranker, asked.queries, depth, shut | low)))
        return np.unique(np.concatenate(found)).astype(np.int32)

    def ranked(self, asked: Asked, found: Slates | I32) -> tuple[Scored, I32]:
        """Return the candidates with their scores, descending, and those that the model knows nothing of."""
        if isinstance(found, Slates):
            there = found.item[0] >= 0
            term = Term(self.ranker, asked.queries)
            return scored(found.item[0][there], found.score[0][there], term), np.empty(0, np.int32)
        value = scores(self.ranker, asked.queries, found)  # (B, m)
        if asked.item >= 0:
            alike = self.similar or self.ranker
            result = of_page(self.ranker, alike, asked, found, value, self.stages.taste, max(DEPTH, 2 * asked.k))
        elif len(asked.queries) > 1:
            result = of_group(self.ranker, asked.queries, found, value, asked.aggregate)
        else:
            result = scored(found, value[0], Term(self.ranker, asked.queries))
        known = ~np.isnan(result.score)
        unknown, result = result.item[~known], result.take(np.flatnonzero(known))
        result = self.lifted(result)
        tie = np.append(np.asarray(self.ranker.items.tie), 0)
        return result.take(np.lexsort((tie[np.minimum(result.item, len(tie) - 1)], -result.score))), unknown

    def lifted(self, part: Scored) -> Scored:
        """Return candidates with what the rules add to their scores."""
        factor = self.ruled.factor
        if factor is None:
            return part
        times = np.where(part.item < len(factor), factor[np.minimum(part.item, len(factor) - 1)], 1)
        raised = ((times - 1) * np.abs(part.score)).astype(np.float32)  # so that a score below 0 is raised too
        return replace(part, score=part.score + raised, raised=raised)

    def filled(self, asked: Asked, first: Scored, room: int, shut: Bool, caps: Caps, pinned: I32) -> tuple[Scored, I8]:
        """Return what was ranked with what fills the slate up after it, and where each item came from."""
        parts, stage = [first], [0] * len(first.item)
        if len(stage) >= room:
            return first, np.array(stage, np.int8)
        one, taken = asked.queries.rows(slice(0, 1)), shut.copy()
        for item in (first.item, pinned):
            taken[item[item < len(taken)]] = True
        fallback = self.pipeline.fallback
        if fallback is not None:
            slates = recommended(fallback, one, max(DEPTH, room) if self.ruled.caps else room - len(stage), taken)
            let, _ = caps.let(slates.item[0][slates.item[0] >= 0], room - len(stage))
            parts.append(scored(slates.item[0][let], slates.score[0][let], Term(fallback, one)))
            stage += [FALLBACK] * len(let)
            taken[slates.item[0][let]] = True
        for which in (STATIC, CATALOGUE):
            if len(stage) < room and not (which == STATIC and asked.candidates is not None):
                static = self.pipeline.static
                left = static[~taken[static]] if which == STATIC else newest(taken, self.n_items)
                left = left[caps.let(left, room - len(stage))[0]]
                parts.append(scored(left, np.zeros(len(left), np.float32), Term(None, one)))
                stage += [which] * len(left)
                taken[left] = True
        return joined(parts), np.array(stage, np.int8)

    def pins(self, asked: Asked) -> list[Pin]:
        """Return the items that stand where a rule says, by position; neither filters nor what was seen matter."""
        by_position: dict[int, Pin] = {}
        absent, banned = self.ruled.absent, self.pipeline.banned
        for one in self.ruled.pins:
            out = one.item in banned or one.item in asked.exclude or one.item == asked.item
            out |= absent is not None and one.item < len(absent) and bool(absent[one.item])
            out |= asked.candidates is not None and one.item not in asked.candidates
            out |= one.item in [other.item for other in by_position.values()]
            if not out and one.position < asked.k:
                by_position.setdefault(one.position, one)
        return [by_position[position] for position in sorted(by_position)]

    def with_pins(self, asked: Asked, slate: Scored, pins: list[Pin]) -> tuple[Scored, I64]:
        """Return the slate with the pinned items at their positions, at its end where it is shorter, and its order."""
        item, one = np.array([pin.item for pin in pins], np.int32), asked.queries.rows(slice(0, 1))
        value = scores(self.ranker, one, item)[0]
        part = scored(item, np.nan_to_num(value).astype(np.float32), Term(self.ranker, one))
        part.weight[np.isnan(value)] = 0
        n = len(slate.item)
        order = list(range(n))
        for extra, pin in enumerate(pins):
            order.insert(pin.position, n + extra)
        index = np.array(order, np.int64)
        return joined([slate, part]).take(index), index


def named(why: str, items: I32) -> tuple[tuple[str, I32], ...]:
    """Return some items with the reason that they are left out; nothing where there are none."""
    return ((why, items),) if len(items) else ()


def newest(taken: Bool, n_items: int) -> I32:
    """Return the items that may still be shown, the newest first."""
    return np.flatnonzero(~taken[:n_items])[::-1].astype(np.int32)


def moment(queries: Queries) -> int:
    """Return when a question is asked (ms): its time, else that of the last event of its history, else 0."""
    if queries.timestamp is not None:
        return int(queries.timestamp[0])
    stamp = queries.history.timestamp
    return 0 if stamp is None else int(stamp.max(initial=0))
