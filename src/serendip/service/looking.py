"""A search under way: defaults on more and more users, what events are worth, then other hyperparameters of the best.

More and more users: successive halving (Jamieson, Talwalkar, "Non-stochastic Best Arm Identification and
Hyperparameter Optimization", AISTATS 2016).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from serendip.data.dataset import Dataset
from serendip.data.interactions import DAY, InteractionRules
from serendip.errors import UserError
from serendip.evaluation.deadline import Deadline, TimeUp
from serendip.evaluation.measured import UserMean
from serendip.evaluation.protocol import judge
from serendip.evaluation.space import Axis, Choices, drawn, space
from serendip.evaluation.task import Task
from serendip.metrics.name import Metric
from serendip.models.contract import Algorithm, Model, Run
from serendip.models.cost import Size
from serendip.models.fwls import FWLS
from serendip.models.popular import Popular
from serendip.models.stacked import Stacked
from serendip.models.votes import Ballot, Votes, votes
from serendip.models.weighted import Weighted
from serendip.plural import counted
from serendip.service.entry import Entry, read, write
from serendip.service.tune import of_users

BEGIN = 60_000  # events on which all algorithms begin
STEP = 3  # times as many users from one rung to the next
STAY = 5  # algorithms that go on to the next rung at least
CLOSE = 0.7  # of the best at a rung, from which on an algorithm goes on: more data changes the order
FIRST = 0.35  # of the time for all algorithms with their defaults, at most
PATIENCE = 3.0  # times its part of that time that one fit may take; those that are often the best three times that
OFTEN_GOOD = ("itemknn", "rp3beta", "userknn", "als", "logisticmf", "markov", "stan", "vsknn", "slim", "gfcf",
              "featuremf", "bspm", "sansa", "ease", "trending")  # fmt: skip
HEAVY = 4e9  # bytes of a fit that a search does without: it takes minutes, and none tells its progress
OVERRUN = 1.5  # times that time after which the rest of them is not tried any more
WEIGHING = 0.25  # of the time for trying what events are worth, at most
ENDING = 0.4  # of the time, kept aside for the last fits at most
WORTHWHILE = 0.005  # of the mean, which a change has to add to be worth its time
NEAR = 0.97  # of the best of its algorithm at a rung, below which a setting is given up there
BLENDED = 4  # models in a blend at most
AT_ONCE = 250  # users judged between two looks at the clock
EACH = 3  # models of one algorithm among those that may be in a blend
AMONG = 10  # algorithms out of which the members of a hybrid are taken
TAKEN = 3.0  # times the seconds of its members that a hybrid takes
STACKING = 0.1  # of the time, for one hybrid at most
SPANS = (1 / 4, 1 / 12, 1.0)  # half-lives tried, in parts of the time that the events span

Heard = Callable[[str], None]


@dataclass
class Looking:
    """The search under way: the task, the time and what was found. rules: those under which it looks now."""

    task: Task
    metric: Metric
    run: Run
    deadline: Deadline
    heard: Heard
    growth: float  # times as many events in the end as now
    rules: InteractionRules
    entries: list[Entry] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    tasks: dict[float, Task] = field(default_factory=dict)
    hurried: bool = False  # something was left out for want of time
    whole: float = 0.0  # seconds that there were
    folder: Path | None = None  # where entries are kept

    @property
    def ranking(self) -> bool:
        """Whether slates are judged; else values or labels that were predicted."""
        return self.metric.definition.unit == "user"

    def look(self, algorithms: Sequence[Algorithm]) -> None:
        """Try the defaults on more and more users; where they rank, then other rules."""
        self.whole = self.deadline.left
        shares = rungs(len(self.task.train))
        going = list(algorithms)
        for n, share in enumerate(shares):
            going = self.rung(going, share, n > 0, FIRST * self.whole / len(shares))
        if self.ranking:
            self.weigh(going)

    def rung(self, algorithms: Sequence[Algorithm], share: float, met: bool, stage: float) -> list[Algorithm]:
        """Try algorithms on a share of the users within some seconds; return those that go on, the best first."""
        those = counted(len(algorithms), "algorithm")
        self.say(f"{self.clock()} left: {those} with the defaults on {share:.0%} of the users")
        fair = PATIENCE * stage / max(len(algorithms), 1) * (STEP if met else 1)  # so that no slow fit starves all
        done: list[Entry] = []
        size = size_of(self.part(share).train)
        end = Deadline.after(OVERRUN * stage)
        for algorithm in algorithms:  # the best of the rung before first
            cost = algorithm.cost(size)
            if cost is not None and cost.memory > HEAVY:
                self.left_out[algorithm.name] = f"its fit takes {cost.memory / 1e9:.1f} GB"
                continue
            most = min(fair * (STEP if algorithm.name in OFTEN_GOOD else 1), self.left)
            if done and (end.left < 0 or self.expected(algorithm, share) > max(most, 0)):
                self.left_out[algorithm.name] = f"no time for {share:.0%} of the users"
                self.hurried = True
                continue
            found = self.tried(algorithm, share, most if self.entries else None)
            if found is not None:
                done.append(found)
        done.sort(key=self.rank)
        near = sum(self.close(e.mean, done[0].mean, CLOSE) for e in done)
        return staying([e.algorithm for e in done], near)

    def weigh(self, going: Sequence[Algorithm]) -> None:
        """Take up other rules where the best three are better under them on the whole."""
        end = Deadline.after(WEIGHING * self.whole)
        best = self.best(3)
        for ways in (half_lives, by_value):
            for rules in ways(self.task.train, self.rules):
                gains = []
                if any(self.expected(e.algorithm) > min(self.left, end.left) for e in best):
                    break
                self.say(
                    f"{self.clock()} left: the best {len(best)} with {worded(changed(rules, self.task.train.rules))}"
                )
                for entry in best:
                    found = self.tried(entry.algorithm, 1.0, min(self.left, end.left), rules)
                    if found is not None:
                        gains.append(self.metric.direction * (found.mean - entry.mean) / max(abs(entry.mean), 1e-12))
                if gains and float(np.mean(gains)) > WORTHWHILE:
                    self.rules = rules
                    best = self.best(3)
        for algorithm in going:
            known = any(e.algorithm == algorithm and e.rules == self.rules for e in self.entries)
            if not known and self.expected(algorithm) < min(self.left, end.left):
                self.tried(algorithm, 1.0, min(self.left, end.left))

    def stack(self, kind: type[Stacked] | type[FWLS], most: int) -> None:
        """Try a hybrid over at most so many of the best algorithms; less the slowest of them as long as it would take
        too much of the time. One that was given up before, or fell behind, is not tried."""
        met = [e.share for e in self.entries if e.algorithm.name == kind.name]
        if kind.name in self.left_out or max(met, default=1.0) < 1:
            return
        members = self.members(kind, most)
        allowed = min(self.left, STACKING * self.whole)
        while members and TAKEN * sum(map(self.expected, members)) > allowed:
            members.remove(max(members, key=self.expected))
        if len(members) > 1 and self.expected(kind()) < allowed:
            stacked = kind(algorithms=tuple(map(text_of, members)))
            if not any(e.algorithm == stacked and e.rules == self.rules for e in self.entries):
                self.say(f"{self.clock()} left: {kind.name} over the best {len(members)}")
                self.tried(stacked, 1.0, self.left)

    def members(self, kind: type[Stacked] | type[FWLS], most: int) -> list[Algorithm]:
        """Return what a hybrid is put over: of what ranks those that do best together, by their votes, and popular."""
        best = [e for e in self.best(AMONG) if e.algorithm.name not in (kind.name, "popular")]
        cast = [e.votes for e in best if e.votes is not None]
        if not cast:
            return [e.algorithm for e in best[:most]]
        weights = Ballot.of(cast, self.task.relevant).weights(self.metric.k or 10, most)
        return [*(best[m].algorithm for m in np.flatnonzero(weights)), Popular()]

    def vary(self, generator: np.random.Generator, part: float = 1.0, but: str = "") -> None:
        """Try other hyperparameters of the best algorithms, but one, until a part of the time that is left is over."""
        shares = rungs(len(self.task.train))
        until = (1 - part) * self.left
        if until < 0:
            return
        self.say(f"{self.clock()} left: other hyperparameters of the best")
        for _ in range(1000):
            best = [e for e in self.best(EACH + 2) if e.algorithm.name != but][: EACH + 1]
            if not best or self.left <= until:
                break
            leader = best[min(int(generator.exponential(1.2)), len(best) - 1)]
            point = varied(leader.algorithm, generator)
            if point is None or any(e.algorithm == point for e in self.entries):
                continue
            self.climb(point, shares if self.rules == self.task.train.rules else shares[-1:])

    def climb(self, algorithm: Algorithm, shares: Sequence[float]) -> None:
        """Try one setting on more and more users as long as it keeps up with the best of its algorithm there."""
        for share in shares[-2:]:
            if self.expected(algorithm, share) > self.left:
                return
            found = self.tried(algorithm, share, self.left)
            at = [
                e.mean for e in self.entries
                if e.algorithm.name == algorithm.name and e.share == share and e.rules == self.rules
            ]  # fmt: skip
            if found is None or not self.close(found.mean, self.top(at), NEAR):
                return

    def tried(
        self, algorithm: Algorithm, share: float, seconds: float | None, rules: InteractionRules | None = None
    ) -> Entry | None:
        """Fit and judge; None where it cannot be or the time is up."""
        began = time.monotonic()
        run = Deadline.after(seconds).watching(self.run)
        rules = rules or self.rules
        path = self.path(algorithm, share, rules)
        known = None if path is None else read(path, algorithm, share, rules)
        if known is not None:
            return self.taken(known)
        task = self.part(share)
        try:
            model = algorithm.fit(task.train if rules == task.train.rules else task.train.ruled(rules), run=run)
            mean, cast = self.judged(model, task, run, algorithm.name, share == 1)
        except UserError as error:
            self.left_out[algorithm.name] = str(error)
            self.say(f"{self.clock()} left  left out: {algorithm.name}: {error}")
            return None
        except TimeUp:
            assert seconds is not None
            self.hurried = True
            self.left_out.setdefault(
                algorithm.name, f"not done with {share:.0%} of the users in {max(seconds, 0):.0f} s"
            )
            self.say(f"{self.clock()} left  given up after {time.monotonic() - began:.0f} s: {told(algorithm)}")
            return None
        entry = Entry(algorithm, share, rules, mean, time.monotonic() - began, cast)
        if path is not None:
            write(path, entry)
        return self.taken(entry)

    def taken(self, entry: Entry) -> Entry:
        """Take up what a fit came to, and tell it."""
        self.entries.append(entry)
        self.left_out.pop(entry.algorithm.name, None)
        best = self.top([e.mean for e in self.entries if e.share == entry.share and e.rules == entry.rules])
        self.say(f"{self.clock()} left  {entry.share:>4.0%} of users  {entry.mean:.4f}  best {best:.4f}  "
                 f"{entry.seconds:5.1f} s  {told(entry.algorithm)}")  # fmt: skip
        return entry

    def path(self, algorithm: Algorithm, share: float, rules: InteractionRules) -> Path | None:
        """Return the file of an entry, None where none is kept."""
        depends = repr((text_of(algorithm), share, rules.half_life, rules.use_values)).encode()
        return None if self.folder is None else self.folder / f"{blake2b(depends, digest_size=8).hexdigest()}.npz"

    def judged(self, model: Model, task: Task, run: Run, name: str, voting: bool) -> tuple[float, Votes | None]:
        """Return what the model comes to, and, where it ranks, its votes for a blend; some users after the others, so
        that a slow model can be stopped."""
        if not self.ranking:
            return judge(model, task, (self.metric,), name=name, progress=run.progress)[self.metric].mean, None
        values, cast = [], []
        for begin in range(0, len(task), AT_ONCE):
            run.report(f"{name}: users", begin, len(task))
            part = of_users(task, np.arange(begin, min(begin + AT_ONCE, len(task))))
            found = judge(model, part, (self.metric,), name=name)[self.metric]
            assert isinstance(found, UserMean)
            values.append(found.value)
            if voting:
                cast.append(votes(model, part.queries, part.exclude))
        whole = Votes(np.concatenate([v.item for v in cast]), np.concatenate([v.z for v in cast])) if cast else None
        return float(np.nanmean(np.concatenate(values))), whole

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
        same = [e for e in same if e.algorithm == algorithm and e.share >= share] or same
        if not same:
            return 0.0
        most = max(e.share for e in same)
        seconds = float(np.median([e.seconds for e in same if e.share == most]))
        return float(seconds * max(share / most, 1.0) ** 1.2)

    @property
    def left(self) -> float:
        """Seconds for looking on: less what judging and fitting the blend of the best will take."""
        ending = self.ending([e.algorithm for e in self.best(BLENDED)])
        return float(self.deadline.left - min(ending, ENDING * self.whole) - 0.04 * self.whole - 3)

    def ending(self, algorithms: Sequence[Algorithm]) -> float:
        """Return the seconds that a blend of these is likely to take to be judged and fitted in the end."""
        return float(2.2 * self.growth**1.2 * sum(self.expected(one) for one in algorithms))

    def best(self, n: int) -> list[Entry]:
        """Return the best entry of each algorithm with the most users there are, the best first."""
        under = [e for e in self.entries if e.rules == self.rules]
        most = max((e.share for e in under), default=1.0)
        found: dict[str, Entry] = {}
        for entry in sorted((e for e in under if e.share == most), key=self.rank):
            found.setdefault(entry.algorithm.name, entry)
        return list(found.values())[:n]

    def close(self, mean: float, best: float, share: float) -> bool:
        """Return whether a mean comes up to a share of the best; an error, whether the best does to a share of it."""
        return mean >= share * best if self.metric.direction > 0 else best >= share * mean

    def top(self, means: Sequence[float]) -> float:
        """Return the best of some means."""
        return max(means, key=lambda mean: self.metric.direction * mean)

    def rank(self, entry: Entry) -> float:
        """Return what entries are sorted by."""
        return -self.metric.direction * entry.mean

    def clock(self) -> str:
        """Return the time that is left, in minutes and seconds."""
        minutes, rest = divmod(int(max(self.deadline.left, 0)), 60)
        return f"{minutes:>3}:{rest:02d}"

    def say(self, text: str) -> None:
        """Tell how it goes."""
        self.heard(text)


def staying(ranked: Sequence[Algorithm], near: int = 0) -> list[Algorithm]:
    """Return the best third, five and those near the best at least, and the best that learns from what none of these
    does, for the blend."""
    stay = list(ranked[: max(STAY, len(ranked) // STEP, near)])
    for source in sorted({source for one in ranked for source in one.uses}):
        if not any(source in one.uses for one in stay):
            stay.append(next(one for one in ranked if source in one.uses))
    return stay


def size_of(data: Dataset) -> Size:
    """Return how large a data set is."""
    return Size(np.diff(data.offset), np.bincount(data.item, minlength=data.n_items), data.matrix.nnz)


def rungs(events: int) -> list[float]:
    """Return the shares of the users, each three times the one before, the last of them all."""
    shares = [1.0]
    while events * shares[0] > STEP * BEGIN:
        shares.insert(0, shares[0] / STEP)
    return shares


def half_lives(data: Dataset, rules: InteractionRules) -> list[InteractionRules]:
    """Return rules under which newer events count for more, where there are times: half-lives in days."""
    if data.timestamp is None or not len(data):
        return []
    span = float(data.timestamp.max() - data.timestamp.min()) / DAY
    return [replace(rules, half_life=float(f"{part * span:.2g}")) for part in SPANS] if span > 0 else []


def by_value(data: Dataset, rules: InteractionRules) -> list[InteractionRules]:
    """Return rules with values as weights or no longer so, where there are some that are no ratings."""
    some = data.value is not None and bool((~np.isnan(data.value) & ~data.rated).any())
    return [replace(rules, use_values=not rules.use_values)] if some else []


def changed(rules: InteractionRules, before: InteractionRules) -> dict[str, float | bool | None]:
    """Return what a search has changed of the rules, as [interactions] of serendip.toml has it."""
    found: dict[str, float | bool | None] = {"half_life": rules.half_life, "use_values": rules.use_values}
    return {name: value for name, value in found.items() if value != getattr(before, name)}


def worded(change: Mapping[str, float | bool | None]) -> str:
    """Return changed rules as serendip.toml has them."""
    return ", ".join(f"{name} = {str(value).lower()}" for name, value in change.items())


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


def text_of(algorithm: Algorithm) -> str:
    """Return the algorithm as hybrids name it: `name:field=value`, of what is not the default."""
    defaults = {name: one.default for name, one in algorithm.hyperparameters().items()}
    changed = {name: value for name, value in algorithm.settings().items() if value != defaults[name]}
    return ":".join([algorithm.name, *(f"{name}={written(value)}" for name, value in changed.items())])


def written(value: object) -> str:
    """Return a value as `children.algorithm` reads it."""
    return f"({','.join(map(str, value))})" if isinstance(value, tuple) else "none" if value is None else str(value)


def told(algorithm: Algorithm) -> str:
    """Return the algorithm in a line."""
    if not isinstance(algorithm, Weighted):
        return text_of(algorithm)
    parts = [f"{weight:.2f} {one}" for weight, one in zip(algorithm.weights, algorithm.algorithms, strict=True)]
    text = " + ".join(parts) if len(parts) > 1 else algorithm.algorithms[0]
    return f"{text}; {algorithm.prior} for newcomers" if algorithm.prior else text
