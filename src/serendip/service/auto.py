"""Choose by itself, within so many minutes: algorithms, their hyperparameters, and a blend of the best few.

All algorithms begin on a part of the users; the better go on to three times as many, up to all (successive halving:
Jamieson, Talwalkar, AISTATS 2016). The time that is left goes to other hyperparameters of the best algorithms, and the
best models are blended with weights learned on the users that chose them. What is chosen is judged once, on a part of
the data that no choice has seen, and then fitted on everything.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from serendip.config import Settings
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.evaluation.comparison import Leaderboard, leaderboard
from serendip.evaluation.deadline import Deadline, TimeUp
from serendip.evaluation.measured import UserMean
from serendip.evaluation.protocol import judge
from serendip.evaluation.report import Report
from serendip.evaluation.space import Axis, Choices, drawn, space
from serendip.evaluation.task import Task
from serendip.metrics.name import Metric, parse
from serendip.models.contract import Algorithm, Model, Run
from serendip.models.popular import Popular
from serendip.models.votes import Ballot, Votes, votes
from serendip.models.weighted import Weighted
from serendip.registry import ALGORITHMS, load
from serendip.service.compare import one as judged
from serendip.service.portfolio import Contest, contest
from serendip.service.settings import primary
from serendip.service.tune import of_users, some

USERS = 2_000  # users by whom models are chosen, at most
BEGIN = 60_000  # events on which all algorithms begin
STEP = 3  # times as many users from one rung to the next
STAY = 5  # algorithms that go on to the next rung at least
FIRST = 0.35  # of the time for all algorithms with their defaults, at most
PATIENCE = 3.0  # times its part of that time that one fit may take
OVERRUN = 1.5  # times that time after which the rest of them is not tried any more
WORTHWHILE = 0.005  # of the best alone, which a blend has to add to be worth its time
NEAR = 0.97  # of the best at a rung, below which a setting is given up there
BLENDED, FINALISTS, EACH = 4, 12, 3  # models in a blend, models that may be in it, of one algorithm among those
HYBRIDS = frozenset({"weighted", "switching", "cascade", "augmented", "stacked"})  # they are made of others

Heard = Callable[[str], None]


@dataclass(frozen=True)
class Entry:
    """One fit: on what share of the users, what it came to on the validation part, and how long it took."""

    algorithm: Algorithm
    share: float
    mean: float
    seconds: float
    votes: Votes | None = None  # where all users were learned from


@dataclass(frozen=True)
class Chosen:
    """What came of the search. board: the chosen beside popular on the part that no choice saw.

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

    @property
    def published(self) -> Algorithm:
        """The chosen where it beats popularity beyond doubt, else popular."""
        leader = self.board.chosen.report.algorithm
        return self.algorithm if leader == self.algorithm.name else Popular()

    def plain(self) -> dict[str, object]:
        """Return it as JSON has it."""
        against = next(s.against for s in self.board.standings if s.against is not None)
        return {
            "algorithm": self.published.name,
            "hyperparameters": self.published.settings(),
            "chosen": {"algorithm": self.algorithm.name, "hyperparameters": self.algorithm.settings()},
            "best_alone": {"algorithm": self.single.name, "hyperparameters": self.single.settings()},
            "blend_gain": self.blend_gain,
            "metric": str(self.metric),
            "split": self.contest.parts.name,
            "results": [s.report.plain() for s in self.board.standings],
            "against_popular": {"difference": against.difference, "ci95": [against.low, against.high],
                                "p": against.p_corrected},
            "tried": [{"algorithm": e.algorithm.name, "hyperparameters": e.algorithm.settings(), "share": e.share,
                       "mean": e.mean, "seconds": round(e.seconds, 3)} for e in self.entries],
            "left_out": dict(self.left_out),
            "searched_seconds": round(self.searched, 1),
            "seconds": round(self.seconds, 1),
        }  # fmt: skip


def auto(
    data: Dataset, settings: Settings, minutes: float, *, names: Sequence[str] | None = None, run: Run = Run(),
    heard: Heard | None = None, began: float | None = None,
) -> Chosen:  # fmt: skip
    """Return what to publish; the fit on everything, which is still to come, has its time kept aside.

    names: the algorithms to choose from; None: all that rank and are no hybrids. began: when the minutes began, by
    the monotonic clock.

    Raises:
        UserError: nothing can be withheld, or the time is too short for the simplest of algorithms.
    """
    began = time.monotonic() if began is None else began
    outer = contest(data, settings)
    inner = contest(outer.parts.train, settings)
    looking = Looking(some(inner.task, settings.evaluation.seed, USERS), primary(settings), run,
                      Deadline(began + 60 * minutes), heard or (lambda _: None),
                      growth=len(data) / max(len(inner.parts.train), 1))  # fmt: skip
    for leak in outer.leaks:
        looking.say(f"Warning: {leak}.")
    looking.look(candidates(names, settings.training.algorithms))
    algorithm, single, gain = blended(looking)
    searched = time.monotonic() - began
    looking.say(f"fitting {told(algorithm)} on all but the part that no choice saw, to judge it there")
    metrics = tuple(dict.fromkeys([looking.metric, *(parse(name) for name in settings.evaluation.metrics)]))
    quiet = replace(run, progress=None)
    fallback = Popular().fit(outer.task.train)
    reports: list[Report] = [judged(one, outer, metrics, fallback, quiet)[0]
                             for one in {a.name: a for a in (Popular(), algorithm)}.values()]  # fmt: skip
    board = leaderboard(reports, looking.metric, seed=run.seed)
    return Chosen(algorithm, single, gain, tuple(looking.entries), looking.left_out, board, outer, looking.metric,
                  time.monotonic() - began, searched)  # fmt: skip


def candidates(names: Sequence[str] | None, before: Sequence[str] = ()) -> list[Algorithm]:
    """Return the algorithms to choose from with their defaults: popular, then those that are to come before others."""
    every = [load(name, ALGORITHMS, "algorithm") for name in (names or ALGORITHMS) if names or name not in HYBRIDS]
    kinds = [kind for kind in every if kind.ranks and kind.name != "popular"]
    return [Popular(), *(kind() for kind in sorted(kinds, key=lambda kind: kind.name not in before))]


@dataclass
class Looking:
    """The search under way: the task, the time and what was found."""

    task: Task
    metric: Metric
    run: Run
    deadline: Deadline
    heard: Heard
    growth: float  # times as many events in the end as now
    entries: list[Entry] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    tasks: dict[float, Task] = field(default_factory=dict)
    whole: float = 0.0  # seconds that there were

    def look(self, algorithms: Sequence[Algorithm]) -> None:
        """Try the defaults on more and more users, then other hyperparameters of the best, until the time is up."""
        self.whole = self.deadline.left
        shares = rungs(len(self.task.train))
        going = list(algorithms)
        for n, share in enumerate(shares):
            stage = FIRST * self.whole / len(shares)
            fair = PATIENCE * stage / len(going)  # so that one slow fit does not starve all
            done: list[Entry] = []
            end = Deadline.after(OVERRUN * stage)
            for algorithm in going:  # the best of the rung before first
                wanted = self.expected(algorithm, share)
                if done and (end.left < 0 or wanted > min(fair * STEP if n else fair, max(self.left, 0))):
                    self.left_out[algorithm.name] = f"no time for {share:.0%} of the users"
                    continue
                found = self.tried(
                    algorithm, share, min(fair * (STEP if n else 1), self.left) if self.entries else None
                )
                if found is not None:
                    done.append(found)
            done.sort(key=self.rank)
            going = staying([e.algorithm for e in done])
            if not going:
                break
        generator = np.random.default_rng(self.run.seed)
        tried = 0
        while (best := self.best(EACH + 1)) and self.left > 0 and tried < 1000:
            tried += 1
            leader = best[min(int(generator.exponential(1.2)), len(best) - 1)]
            point = varied(leader.algorithm, generator)
            if point is None or any(e.algorithm == point for e in self.entries):
                continue
            self.climb(point, shares)

    def climb(self, algorithm: Algorithm, shares: Sequence[float]) -> None:
        """Try one setting on more and more users as long as it keeps up with the best there."""
        for share in shares[-2:]:
            if self.expected(algorithm, share) > self.left:
                return
            found = self.tried(algorithm, share, self.left)
            at = [e.mean for e in self.entries if e.share == share]
            if found is None or self.metric.direction * found.mean < self.metric.direction * NEAR * self.top(at):
                return

    def tried(self, algorithm: Algorithm, share: float, seconds: float | None) -> Entry | None:
        """Fit and judge; None where it cannot be or the time is up."""
        began = time.monotonic()
        run = Deadline.after(seconds).watching(self.run)
        task = self.part(share)
        try:
            model = algorithm.fit(task.train, run=run)
            found = judge(model, task, (self.metric,), name=algorithm.name, progress=run.progress)[self.metric]
            cast = self.cast(model, task) if share == 1 else None
        except UserError as error:
            self.left_out[algorithm.name] = str(error)
            return None
        except TimeUp:
            assert seconds is not None
            self.left_out.setdefault(
                algorithm.name, f"not done with {share:.0%} of the users in {max(seconds, 0):.0f} s"
            )
            return None
        assert isinstance(found, UserMean)
        entry = Entry(algorithm, share, float(np.nanmean(found.value)), time.monotonic() - began, cast)
        self.entries.append(entry)
        self.left_out.pop(algorithm.name, None)
        minutes, rest = divmod(int(max(self.deadline.left, 0)), 60)
        best = self.top([e.mean for e in self.entries if e.share == share])
        self.say(f"{minutes:>3}:{rest:02d} left  {share:>4.0%} of users  {entry.mean:.4f}  best {best:.4f}  "
                 f"{entry.seconds:5.1f} s  {told(algorithm)}")  # fmt: skip
        return entry

    def cast(self, model: Model, task: Task) -> Votes:
        """Return the model's votes for a blend."""
        return votes(model, task.queries, task.exclude)

    def part(self, share: float) -> Task:
        """Return the task of a share of the users, learned from them alone."""
        if share not in self.tasks:
            whole = self.task
            keep = np.random.default_rng(self.run.seed).random(whole.train.n_users) < share
            at = np.flatnonzero((whole.queries.user >= 0) & keep[np.maximum(whole.queries.user, 0)])
            train = whole.train.where(keep[whole.train.user])
            self.tasks[share] = whole if share == 1 or not len(at) else replace(of_users(whole, at), train=train)
        return self.tasks[share]

    def expected(self, algorithm: Algorithm, share: float = 1.0) -> float:
        """Return the seconds that a fit and its judgement are likely to take, from earlier ones of the same kind."""
        same = [e for e in self.entries if e.algorithm.name == algorithm.name]
        if not same:
            return 0.0
        most = max(e.share for e in same)
        seconds = float(np.median([e.seconds for e in same if e.share == most]))
        return float(seconds * max(share / most, 1.0) ** 1.2)

    @property
    def left(self) -> float:
        """Seconds for looking on: less what judging and fitting the blend of the best will take."""
        slowest = sorted((self.expected(e.algorithm) for e in self.best(BLENDED)), reverse=True)
        reserve = 2.2 * self.growth**1.2 * sum(slowest) + 0.04 * self.whole + 3
        return float(self.deadline.left - reserve)

    def best(self, n: int) -> list[Entry]:
        """Return the best entry of each algorithm with the most users there are, the best first."""
        most = max((e.share for e in self.entries), default=1.0)
        found: dict[str, Entry] = {}
        for entry in sorted((e for e in self.entries if e.share == most), key=self.rank):
            found.setdefault(entry.algorithm.name, entry)
        return list(found.values())[:n]

    def top(self, means: Sequence[float]) -> float:
        """Return the best of some means."""
        return max(means, key=lambda mean: self.metric.direction * mean)

    def rank(self, entry: Entry) -> float:
        """Return what entries are sorted by."""
        return -self.metric.direction * entry.mean

    def say(self, text: str) -> None:
        """Tell how it goes."""
        self.heard(text)


def staying(ranked: Sequence[Algorithm]) -> list[Algorithm]:
    """Return the best third, five at least, and the best that learns from what none of these does, for the blend."""
    stay = list(ranked[: max(STAY, len(ranked) // STEP)])
    for source in sorted({source for one in ranked for source in one.uses}):
        if not any(source in one.uses for one in stay):
            stay.append(next(one for one in ranked if source in one.uses))
    return stay


def rungs(events: int) -> list[float]:
    """Return the shares of the users, each three times the one before, the last of them all."""
    shares = [1.0]
    while events * shares[0] > STEP * BEGIN:
        shares.insert(0, shares[0] / STEP)
    return shares


def varied(algorithm: Algorithm, generator: np.random.Generator) -> Algorithm | None:
    """Return the algorithm with some hyperparameters drawn anew or moved a little; None where it has none."""
    axes = space(type(algorithm)())
    if not axes:
        return None
    fresh = drawn(axes, generator)
    chosen = [name for name in axes if generator.random() < max(0.5, 1 / len(axes))] or list(axes)[:1]
    moved = {name: near(axes[name], getattr(algorithm, name), fresh[name], generator) for name in chosen}
    return algorithm.set(**moved)


def near(axis: Axis, now: object, fresh: object, generator: np.random.Generator) -> object:
    """Return a value: in two cases of three one between the present and a fresh one, a third of the way at most."""
    numbers = isinstance(now, (int, float)) and isinstance(fresh, (int, float)) and not isinstance(now, bool)
    if isinstance(axis, Choices) or not numbers or generator.random() < 1 / 3:
        return fresh
    assert isinstance(now, (int, float)) and isinstance(fresh, (int, float))
    way = generator.random() / 3
    value = float(now) ** (1 - way) * float(fresh) ** way if axis.log else now + way * (fresh - now)
    value = float(np.clip(value, axis.low, axis.high))
    return round(value) if axis.whole else float(f"{value:.3g}")


def blended(looking: Looking) -> tuple[Algorithm, Algorithm, float]:
    """Return the blend of the best, or the best alone where a blend adds nothing; the best alone; what a blend adds.

    Weights are learned on one half of the users and judged on the other, then the other way round; if the blend is
    better there, its weights are learned on all.

    Raises:
        UserError: there is nothing to choose from.
    """
    whole = sorted((e for e in looking.entries if e.votes is not None), key=looking.rank)
    if not whole:
        found = looking.best(1)
        if not found:
            raise UserError("the time is too short for a single model: give more minutes")
        return found[0].algorithm, found[0].algorithm, 0.0
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
    weights = ballot.weights(k, BLENDED)
    if gain < WORTHWHILE * finalists[0].mean or np.count_nonzero(weights) < 2:
        return finalists[0].algorithm, finalists[0].algorithm, gain
    at = np.flatnonzero(weights)
    texts = tuple(text_of(finalists[m].algorithm) for m in at)
    return Weighted(texts, tuple(float(weights[m]) for m in at)), finalists[0].algorithm, gain


def text_of(algorithm: Algorithm) -> str:
    """Return the algorithm as hybrids name it: `name:field=value`, of what is not the default."""
    defaults = {name: one.default for name, one in algorithm.hyperparameters().items()}
    changed = {name: value for name, value in algorithm.settings().items() if value != defaults[name]}
    return ":".join([algorithm.name, *(f"{n}={'none' if v is None else v}" for n, v in changed.items())])


def told(algorithm: Algorithm) -> str:
    """Return the algorithm in a line."""
    if isinstance(algorithm, Weighted):
        parts = zip(algorithm.weights, algorithm.algorithms, strict=True)
        return " + ".join(f"{weight:.2f} {text}" for weight, text in parts)
    return text_of(algorithm)
