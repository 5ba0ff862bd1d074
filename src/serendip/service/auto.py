"""Choose by itself, within so many minutes: algorithms, their hyperparameters, and a blend of the best few.

What is looked through is in `looking.py`. The best models are blended with weights learned on the users that chose
them, and who has no history gets what did best for such users (Caruana et al. as in `votes.py`; Burke, 2002); ratings
are blended by `fwls`. What is chosen is judged once, on a part of the data that no choice has seen, and then fitted on
everything.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from serendip import __version__
from serendip.arrays import F64
from serendip.config import Settings
from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.errors import UserError
from serendip.evaluation.comparison import Leaderboard, leaderboard
from serendip.evaluation.deadline import Deadline, TimeUp
from serendip.evaluation.measured import UserMean
from serendip.evaluation.protocol import judge
from serendip.evaluation.report import Report
from serendip.evaluation.task import Task
from serendip.metrics.name import Metric, parse
from serendip.models.children import algorithm
from serendip.models.contract import Algorithm, Run
from serendip.models.fwls import FWLS
from serendip.models.popular import Popular
from serendip.models.stacked import Stacked
from serendip.models.votes import Ballot
from serendip.models.weighted import Weighted
from serendip.plural import counted
from serendip.registry import ALGORITHMS, load
from serendip.service.compare import one as judged
from serendip.service.entry import Entry
from serendip.service.looking import (
    BLENDED,
    EACH,
    OFTEN_GOOD,
    WORTHWHILE,
    Heard,
    Looking,
    changed,
    text_of,
    told,
)
from serendip.service.portfolio import Contest, contest
from serendip.service.predicting import JUDGED, PREDICTORS, alone, predicted
from serendip.service.settings import primary
from serendip.service.tune import drawn, of_users, some
from serendip.stats.selection import next_doubling

USERS = 2_000  # users by whom models are chosen, at most
COLD = 30  # users without a history from whom on it is asked who serves them best
SERVING = 0.05  # of the time, for learning who serves them best, at most for one algorithm
FINALISTS = 12  # models that may be in a blend
OVER: dict[str, tuple[type[Stacked] | type[FWLS], int]] = {  # hybrids, and of how many algorithms
    "ranking": (Stacked, 3),
    "rating": (FWLS, len(PREDICTORS["rating"])),
}
BLENDS = frozenset({"weighted", "switching", "cascade", "augmented"})  # others mixed, as the search does itself


@dataclass(frozen=True)
class Chosen:
    """What came of the search. board: the chosen beside the simplest on the part that no choice saw.

    single: the best algorithm alone; blend_gain: what blending adds to it on users that had no say in the weights.
    """

    algorithm: Algorithm
    single: Algorithm
    blend_gain: float
    entries: tuple[Entry, ...]
    left_out: Mapping[str, str]
    board: Leaderboard
    contest: Contest
    metric: Metric
    seconds: float
    searched: float
    rules: InteractionRules
    before: InteractionRules

    @property
    def interactions(self) -> dict[str, float | bool | None]:
        """What differs from the rules that the data came with, as [interactions] of serendip.toml has it."""
        return changed(self.rules, self.before)

    @property
    def more(self) -> float | None:
        """What a search twice as long would likely add to the best alone, by the fits on all users; None: too few."""
        whole = [self.metric.direction * e.mean for e in self.entries if e.share == 1 and e.rules == self.rules]
        return next_doubling(np.array(whole))

    @property
    def published(self) -> Algorithm:
        """The chosen where it beats the simplest beyond doubt, else the simplest: popular, where slates are judged."""
        leader = self.board.chosen.report.algorithm
        return self.algorithm if leader == self.algorithm.name else algorithm(self.board.baseline)

    def plain(self) -> dict[str, object]:
        """Return it as JSON has it."""
        against = next((s.against for s in self.board.standings if s.against is not None), None)
        return {
            "algorithm": self.published.name,
            "hyperparameters": self.published.settings(),
            "chosen": {"algorithm": self.algorithm.name, "hyperparameters": self.algorithm.settings()},
            "interactions": self.interactions,
            "best_alone": {"algorithm": self.single.name, "hyperparameters": self.single.settings()},
            "blend_gain": self.blend_gain,
            "twice_the_time_adds": self.more,
            "metric": str(self.metric),
            "split": self.contest.parts.name,
            "results": [s.report.plain() for s in self.board.standings],
            f"against_{self.board.baseline}": None if against is None else {
                "difference": against.difference, "ci95": [against.low, against.high], "p": against.p_corrected
            },
            "tried": [{"algorithm": e.algorithm.name, "hyperparameters": e.algorithm.settings(), "share": e.share,
                       "half_life": e.rules.half_life, "use_values": e.rules.use_values, "mean": e.mean,
                       "seconds": round(e.seconds, 3)} for e in self.entries],
            "left_out": dict(self.left_out),
            "searched_seconds": round(self.searched, 1),
            "seconds": round(self.seconds, 1),
        }  # fmt: skip


def auto(
    data: Dataset, settings: Settings, minutes: float, *, metric: str | None = None,
    names: Sequence[str] | None = None, run: Run = Run(),
    heard: Heard | None = None, began: float | None = None, folder: Path | None = None,
) -> Chosen:  # fmt: skip
    """Return what to publish; the fit on everything, which is still to come, has its time kept aside.

    metric: what to choose by, the objective's where it is None; a metric of ratings (rmse, mae) or of labels (auc,
    logloss) takes algorithms that predict these. names: the algorithms to choose from; None: all that rank, or
    predict, and do not merely mix others. began: when the minutes began, by the monotonic clock. folder: where fits
    are kept, so that a search that was stopped goes on; None: nowhere.

    Raises:
        UserError: nothing can be withheld, there are no ratings or labels that the metric is of, or the time is too
            short for any but the simplest of algorithms.
    """
    began = time.monotonic() if began is None else began
    asked = primary(settings) if metric is None else parse(metric)
    if asked.direction == 0 or asked.definition.unit == "catalogue":
        raise UserError(f"nothing can be chosen by {asked}: it takes a metric of users or rows, as ndcg@10 or rmse")
    outer = contest(data, settings)
    inner = contest(outer.parts.train, settings)
    kind = asked.definition.kind
    task = inner.predicting(asked) if kind in PREDICTORS else inner.task
    looking = Looking(some(task, settings.evaluation.seed, USERS), asked, run, Deadline(began + 60 * minutes),
                      heard or (lambda _: None), len(data) / max(len(inner.parts.train), 1), data.rules)  # fmt: skip
    if folder is not None:
        looking.folder = folder / f"auto-{key(looking)}"
    for leak in outer.leaks:
        looking.say(f"Warning: {leak}.")
    choice = candidates(names, settings.training.algorithms, kind)
    looking.look(choice)
    if len(choice) > 1 and {e.algorithm.name for e in looking.entries} <= {choice[0].name} and looking.hurried:
        raise UserError(f"{minutes:g} minutes are too few: no algorithm beside {choice[0].name} could be tried, and "
                        "nothing is published; give more minutes, or fewer algorithms to choose from")  # fmt: skip
    generator = np.random.default_rng(run.seed)
    over = [OVER[kind]] if kind in OVER and (not names or OVER[kind][0].name in names) else []
    for hybrid, most in over:
        looking.stack(hybrid, most)
    prior = welcoming(looking, inner.task) if looking.ranking else ""
    for hybrid, most in over:
        for part in (1 / 3, 1 / 2):
            looking.vary(generator, part, but=hybrid.name)
            looking.stack(hybrid, most)
    looking.vary(generator)
    chosen, single, gain = blended(looking) if looking.ranking else alone(looking)
    if prior:
        chosen = (
            chosen.set(prior=prior)
            if isinstance(chosen, Weighted)
            else Weighted((text_of(chosen),), (1.0,), prior, shrinkage=0.0)
        )
    searched = time.monotonic() - began
    looking.say(f"{looking.clock()} left: fitting {told(chosen)} on all but the part that no choice saw, to judge "
                "it there")  # fmt: skip
    judge_of = ranked if looking.ranking else predicted
    board = judge_of(chosen, outer, looking, settings)
    return Chosen(chosen, single, gain, tuple(looking.entries), looking.left_out, board, outer, looking.metric,
                  time.monotonic() - began, searched, looking.rules, data.rules)  # fmt: skip


def ranked(chosen: Algorithm, outer: Contest, looking: Looking, settings: Settings) -> Leaderboard:
    """Return the slates of the chosen beside those of popular, on the part that no choice saw."""
    metrics = tuple(dict.fromkeys([looking.metric, *(parse(name) for name in settings.evaluation.metrics)]))
    quiet = replace(looking.run, progress=None)
    last = replace(outer, task=drawn(outer.task, JUDGED, settings.evaluation.seed))
    fallback = Popular().fit(last.task.train)
    ruled = replace(last, task=replace(last.task, train=last.task.train.ruled(looking.rules)))
    reports: list[Report] = [judged(Popular(), last, metrics, fallback, quiet)[0]]
    if chosen.name != "popular":
        fallback = Popular().fit(ruled.task.train)
        reports.append(judged(chosen, ruled, metrics, fallback, quiet)[0])
    return leaderboard(reports, looking.metric, seed=looking.run.seed)


def key(looking: Looking) -> str:
    """Return a hash of all that an entry depends on beside its algorithm, its share and its rules."""
    asked = blake2b(looking.task.relevant.item.tobytes()).hexdigest()
    depends = (__version__, looking.task.train.fingerprint, asked, str(looking.metric), looking.run.seed)
    return blake2b(repr(depends).encode(), digest_size=6).hexdigest()


def candidates(names: Sequence[str] | None, before: Sequence[str] = (), kind: str = "ranking") -> list[Algorithm]:
    """Return the algorithms to choose from with their defaults: popular, the often good, `before`, the rest; of those
    that predict the simplest first."""
    if kind in PREDICTORS:
        return [algorithm(name) for name in dict.fromkeys([PREDICTORS[kind][0], *(names or PREDICTORS[kind])])]
    every = [load(name, ALGORITHMS, "algorithm") for name in (names or ALGORITHMS) if names or name not in BLENDS]
    kinds = [kind for kind in every if kind.ranks and kind.name != "popular"]
    order = list(dict.fromkeys([*OFTEN_GOOD, *before, *ALGORITHMS]))
    return [Popular(), *(kind() for kind in sorted(kinds, key=lambda kind: order.index(kind.name)))]


def blended(looking: Looking) -> tuple[Algorithm, Algorithm, float]:
    """Return the blend of the best, or the best alone where a blend adds nothing; the best alone; what a blend adds.

    Weights are learned on one half of the users and judged on the other, then the other way round; if the blend is
    better there, its weights are learned on all.

    Raises:
        UserError: there is nothing to choose from.
    """
    whole = sorted((e for e in looking.entries if e.votes is not None and e.rules == looking.rules), key=looking.rank)
    if not whole:
        found = looking.best(1)
        if not found:
            raise UserError("the time is too short for a single model: give more minutes")
        return found[0].algorithm, found[0].algorithm, 0.0
    soon = [e for e in whole if looking.ending([e.algorithm]) < looking.deadline.left]
    whole = soon or [min(whole, key=lambda e: looking.expected(e.algorithm))]
    place: dict[str, int] = {}
    ordered: list[tuple[int, Entry]] = []  # the best of each algorithm, then the second best, ...
    for entry in whole:
        place[entry.algorithm.name] = place.get(entry.algorithm.name, -1) + 1
        ordered.append((place[entry.algorithm.name], entry))
    finalists = [e for nth, e in sorted(ordered, key=lambda one: one[0]) if nth < EACH][:FINALISTS]
    k = looking.metric.k or 10
    ballot = Ballot.of([e.votes for e in finalists if e.votes is not None], looking.task.relevant)
    half = np.random.default_rng(looking.run.seed).random(len(looking.task)) < 0.5
    gains = []
    for side in (half, ~half):
        if side.all() or not side.any():
            return finalists[0].algorithm, finalists[0].algorithm, 0.0
        here, there = ballot.rows(side), ballot.rows(~side)
        alone = int(np.argmax([np.nanmean(here.value(z, k)) for z in here.z]))
        gains.append(there.value(there.blended(here.weights(k, BLENDED)), k) - there.value(there.z[alone], k))
    gain = float(np.nanmean(np.concatenate(gains)))
    weights = in_time(ballot, finalists, k, looking)
    if gain < WORTHWHILE * finalists[0].mean or weights is None:
        return finalists[0].algorithm, finalists[0].algorithm, gain
    at = np.flatnonzero(weights)
    texts = tuple(text_of(finalists[m].algorithm) for m in at)
    chosen = Weighted(texts, tuple(float(weights[m]) for m in at), prior="", shrinkage=0.0)
    return chosen, finalists[0].algorithm, gain


def in_time(ballot: Ballot, finalists: Sequence[Entry], k: int, looking: Looking) -> F64 | None:
    """Return the weights of the best blend of two or more that can be fitted in the time left; None: there is none."""
    for most in range(BLENDED, 1, -1):
        weights = ballot.weights(k, most)
        members = [finalists[m].algorithm for m in np.flatnonzero(weights).tolist()]
        if len(members) > 1 and looking.ending(members) < looking.deadline.left:
            return weights
    return None


def welcoming(looking: Looking, task: Task) -> str:
    """Return the algorithm, as text, that serves those without a history better than popularity; "" where none does.

    task: that of all users, those without a history among them.
    """
    at = np.flatnonzero(task.cold)
    if len(at) < COLD:
        return ""
    cold = drawn(of_users(task, at), USERS, looking.run.seed)
    cold = replace(cold, train=cold.train.ruled(looking.rules))
    looking.say(f"{looking.clock()} left: who serves the {counted(len(at), 'user')} without a history best")
    found = {text: served(text, cold, looking) for text in strangers(looking.entries)}
    values = {text: value for text, value in found.items() if value is not None}
    popular = values.get("popular")
    if popular is None:
        return ""
    text = max(values, key=lambda one: float(values[one].mean()))
    better = values[text] - popular
    return text if better.mean() > 2 * better.std() / np.sqrt(len(better)) else ""


def strangers(entries: Sequence[Entry]) -> list[str]:
    """Return the algorithms tried that can tell who has no history something, with their defaults, as text."""
    found = {}
    for entry in entries:
        uses, name = entry.algorithm.uses, entry.algorithm.name
        if not uses & {"user", "history", "order"} or "user_features" in uses:
            texts = ("trending", "trending:half_life=7", "trending:half_life=90") if name == "trending" else (name,)
            found.update(dict.fromkeys(texts))
    return list(found)


def served(text: str, task: Task, looking: Looking) -> F64 | None:
    """Return what an algorithm comes to for each user; None where it cannot be or takes too long.  # (B,)"""
    one = algorithm(text)
    seconds = min(looking.left, SERVING * looking.whole)
    if looking.expected(one) > seconds and one.name != "popular":
        return None
    try:
        model = one.fit(
            task.train, run=Deadline.after(None if one.name == "popular" else seconds).watching(looking.run)
        )
        found = judge(model, task, (looking.metric,), name=one.name)[looking.metric]
    except (UserError, TimeUp):
        return None
    assert isinstance(found, UserMean)
    value = np.nan_to_num(found.value)
    looking.say(f"{looking.clock()} left  newcomers     {value.mean():.4f}  {text}")
    return looking.metric.direction * value
