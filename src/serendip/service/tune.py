"""Look for better hyperparameters of one algorithm on a part of the training events, which tuning withholds itself."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from serendip import __version__
from serendip.arrays import F64, I64, Bool
from serendip.config import Settings
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.evaluation.deadline import Deadline
from serendip.evaluation.leakage import Leak
from serendip.evaluation.measured import UserMean
from serendip.evaluation.protocol import judge
from serendip.evaluation.space import Axis, space
from serendip.evaluation.space import Settings as Point
from serendip.evaluation.task import Task
from serendip.evaluation.tuning import RUNGS, Search, Trial, mean, search
from serendip.metrics.name import Metric, parse
from serendip.models.contract import Algorithm, Model, Progress, Run
from serendip.service.judge import made
from serendip.service.portfolio import contest
from serendip.service.settings import primary
from serendip.stats.selection import Gain, gain, next_doubling

USERS = 5_000  # users that a trial is judged on, at most
RATED = Metric("rmse")  # what algorithms for ratings are tuned by

Heard = Callable[["Tuning", Trial, list[Trial]], None]


@dataclass(frozen=True)
class Tuning:
    """What is tuned, by which metric, on how many users of which split."""

    algorithm: Algorithm
    metric: Metric
    axes: dict[str, Axis]
    task: Task
    split: str
    leaks: tuple[Leak, ...] = ()

    def shown(self, mean: float) -> float:
        """Return a mean of values as the metric has it: where less is better, values are turned around."""
        return mean if self.metric.direction > 0 else float(np.sqrt(-mean)) if self.metric.name == "rmse" else -mean


@dataclass(frozen=True)
class Tuned:
    """The best that was found. gained: over the default, per user, more being better (for rmse: squared error less).

    more: what as many trials again would likely add to the mean, None where there are too few to tell.
    """

    tuning: Tuning
    best: Trial
    trials: tuple[Trial, ...]
    gained: Gain
    more: float | None
    seconds: float

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm with the best hyperparameters; the default unless something beats it."""
        return self.tuning.algorithm.set(**self.best.settings)

    @property
    def changed(self) -> dict[str, object]:
        """The hyperparameters that differ from those that tuning began with."""
        before = self.tuning.algorithm.settings()
        return {name: value for name, value in self.best.settings.items() if before[name] != value}

    @property
    def beyond_doubt(self) -> bool:
        """Whether the 95% interval of the gain, as users without a say would see it, lies above 0."""
        return self.gained.low > 0

    def plain(self) -> dict[str, object]:
        """Return it as JSON has it."""
        shown = self.tuning.shown
        done = [one for one in self.trials if one.value is not None]
        return {
            "algorithm": self.algorithm.name,
            "hyperparameters": self.algorithm.settings(),
            "changed": self.changed,
            "metric": str(self.tuning.metric),
            "split": self.tuning.split,
            "n_users": len(self.tuning.task),
            "default": shown(done[0].mean),
            "best": shown(self.best.mean),
            "gain": {
                "seen": self.gained.seen, "mean": self.gained.mean, "ci95": [self.gained.low, self.gained.high],
                "chosen_again": self.gained.sure, "beyond_doubt": self.beyond_doubt,
            },
            "twice_as_many_trials_add": self.more,
            "trials": [
                {"number": t.number, "settings": dict(t.settings), "mean": None if t.why else shown(t.mean),
                 "seconds": round(t.seconds, 3), "why": t.why} for t in self.trials
            ],
            "seconds": round(self.seconds, 1),
        }  # fmt: skip


def tune(
    algorithm: str | Algorithm,
    data: Dataset,
    *,
    trials: int = 50,
    minutes: float | None = None,
    metric: str | None = None,
    settings: Settings = Settings(),  # noqa: B008
    folder: Path | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    begun: Callable[[Tuning], None] | None = None,
    heard: Heard | None = None,
) -> Tuned:
    """Return the best hyperparameters found; `data` is the training part, and no other part can be given.

    The last part of `data` is withheld by the split of `settings` and every trial is judged on it; what the test part
    of an evaluation is has to be taken away before. trials: how many in all, those of earlier calls with the same
    folder among them. minutes: no trial begins that would not end in time. folder: where trials are kept, so that a
    search that was stopped goes on; None: nowhere. begun: called before the first trial; heard: after each.

    Raises:
        UserError: nothing can be tuned or withheld, Optuna is not installed, or the defaults cannot be fitted.
    """
    began = time.monotonic()
    if trials < 1 or (minutes is not None and not minutes > 0):
        raise UserError(f"tuning needs a trial and some time, not {trials} trials in {minutes} minutes")
    start = made(algorithm)
    tuning = tuning_of(start, data, settings, metric)
    values = Values(tuning, Run(threads=threads, seed=seed, progress=progress), seed)
    how = Search(trials, Deadline.after(None if minutes is None else 60 * minutes), seed, "epochs" in tuning.axes)
    values.deadline = how.deadline
    default = {name: getattr(start, name) for name in tuning.axes}
    if begun is not None:
        begun(tuning)

    def tell(one: Trial, found: list[Trial]) -> None:
        if heard is not None:
            heard(tuning, one, found)

    with tempfile.TemporaryDirectory() as nowhere:
        where = Path(nowhere) if folder is None else folder / f"{start.name}-{key(tuning, data, seed)}"
        found = search(start.name, tuning.axes, default, values, how, where, tell)
    whole = [one for one in found if one.value is not None]
    table = np.stack([one.value for one in whole if one.value is not None], axis=1)  # (n_users, M)
    best = max(whole, key=lambda one: (one.mean, -one.number))
    return Tuned(tuning, best, tuple(found), gain(table, seed), next_doubling(np.array([t.mean for t in whole])),
                 time.monotonic() - began)  # fmt: skip


def replayed(
    start: Algorithm, best: Algorithm, data: Dataset, settings: Settings, metric: str | None, run: Run
) -> dict[str, object]:
    """Return what two settings of an algorithm come to where a search judged them, under the names of `Tuned.plain`."""
    tuning = tuning_of(start, data, settings, metric)
    values = Values(tuning, run, run.seed)
    default, found = (
        tuning.shown(mean(values({name: getattr(one, name) for name in tuning.axes}, RUNGS[-1])))
        for one in (start, best)
    )
    return {"n_users": len(tuning.task), "default": default, "best": found}


def beginning(algorithm: Algorithm) -> Algorithm:
    """Return the algorithm with the defaults of all that is tuned: what an earlier search saved is no beginning."""
    fresh = type(algorithm)()
    return algorithm.set(**{name: getattr(fresh, name) for name in space(fresh)})


def training_part(data: Dataset, settings: Settings) -> Dataset:
    """Return what `compare` lets algorithms learn from: all that tuning may see of a project's data.

    Raises:
        NothingToJudge: nothing can be withheld.
    """
    return contest(data, settings).parts.train


def tuning_of(algorithm: Algorithm, data: Dataset, settings: Settings, metric: str | None) -> Tuning:
    """Return what is tuned on which task; the validation part is carved here.

    Raises:
        UserError: the algorithm has nothing to tune, or the metric is none to tune by.
    """
    axes = space(algorithm)
    if not axes:
        raise UserError(f"{algorithm.name} has nothing to tune: none of its hyperparameters is a number or a choice")
    chosen = contest(data, settings)
    task, asked = chosen.task, primary(settings) if metric is None else parse(metric)
    if not algorithm.ranks and (metric is None or asked.definition.kind == "rating"):
        if chosen.rated is None:
            raise UserError(f"{algorithm.name} learns from ratings and there are none to judge it by")
        task, asked = chosen.rated, RATED if metric is None else asked
    elif asked.definition.kind == "rating":
        task = chosen.predicting(asked)
    if asked.direction == 0 or asked.definition.unit not in ("user", "row"):
        raise UserError(f"{asked} cannot be tuned by: it takes a metric with a value a user, as ndcg@10")
    return Tuning(algorithm, asked, axes, some(task, settings.evaluation.seed), chosen.parts.name, chosen.leaks)


def some(task: Task, seed: int, most: int = USERS) -> Task:
    """Return the task of those users who bring a history, at most `most` of them drawn at random.

    A user without one gets the same from every setting. Where nobody brings one, all are asked.
    """
    warm = np.flatnonzero(~task.cold)
    keep = warm if len(warm) else np.arange(len(task))
    if len(keep) > most:
        keep = np.sort(np.random.default_rng(seed).choice(keep, most, replace=False))
    return of_users(task, keep)


def drawn(task: Task, most: int, seed: int) -> Task:
    """Return the task of `most` of its users at random, of all where there are no more."""
    if len(task) <= most:
        return task
    return of_users(task, np.sort(np.random.default_rng(seed).choice(len(task), most, replace=False)))


def of_users(task: Task, at: I64) -> Task:
    """Return the task of some of its users."""
    rows = task.rows
    place = np.full(len(task), -1, np.int64)
    place[at] = np.arange(len(at))
    kept: Bool = place[rows.query] >= 0
    some_rows = replace(
        rows, query=place[rows.query[kept]], item=rows.item[kept],
        value=None if rows.value is None else rows.value[kept],
        label=None if rows.label is None else rows.label[kept],
        timestamp=None if rows.timestamp is None else rows.timestamp[kept],
        context={name: column.filter(kept) for name, column in rows.context.items()},
    )  # fmt: skip
    return Task(
        task.train, task.queries.rows(at), task.relevant.rows(at), some_rows,
        None if task.exclude is None else task.exclude.rows(at),
        None if task.candidates is None else task.candidates.rows(at),
    )  # fmt: skip


class Values:
    """The value of each user under some settings: with a part of the effort, epochs or users are fewer."""

    def __init__(self, tuning: Tuning, run: Run, seed: int) -> None:
        self.tuning, self.run, self.seed = tuning, run, seed
        self.deadline = Deadline(None)
        self.last: tuple[Algorithm, int, Model] | None = None  # what an iterative fit goes on from
        self.tasks: dict[int, Task] = {RUNGS[-1]: tuning.task}

    def __call__(self, settings: Point, ninths: int) -> F64:
        algorithm, task = self.tuning.algorithm.set(**settings), self.tuning.task
        run = self.deadline.watching(self.run)
        if "epochs" in algorithm.hyperparameters():
            model = self.grown(algorithm, ninths, run)
        else:
            task = self.part(ninths)
            model = algorithm.fit(task.train, run=run)
        metric = self.tuning.metric
        found = judge(model, task, (metric,), name=algorithm.name, progress=run.progress)[metric]
        if not isinstance(found, UserMean):
            raise UserError(f"{metric} has no value a user here, so nothing can be tuned by it")
        value = found.value if found.weight is None else found.value * found.weight / np.nanmean(found.weight)
        return metric.direction * value

    def grown(self, algorithm: Algorithm, ninths: int, run: Run) -> Model:
        """Return the fit after a part of its epochs, going on from the last part where the algorithm can."""
        whole = int(getattr(algorithm, "epochs"))  # noqa: B009
        epochs = max(1, round(whole * ninths / RUNGS[-1]))
        done, start = 0, None
        if algorithm.continues and self.last is not None and self.last[0] == algorithm and self.last[1] < epochs:
            _, done, start = self.last
        model = algorithm.set(epochs=epochs - done).fit(self.tuning.task.train, run=replace(run, start=start))
        self.last = (algorithm, epochs, model)
        return model

    def part(self, ninths: int) -> Task:
        """Return the task of a part of the users, learned from them alone."""
        if ninths not in self.tasks:
            whole = self.tuning.task
            drawn = np.random.default_rng(self.seed).random(whole.train.n_users) < ninths / RUNGS[-1]
            asked = np.flatnonzero((whole.queries.user >= 0) & drawn[np.maximum(whole.queries.user, 0)])
            if not len(asked):
                return whole
            train = whole.train.where(drawn[whole.train.user])
            self.tasks[ninths] = replace(of_users(whole, asked), train=train)
        return self.tasks[ninths]


def key(tuning: Tuning, data: Dataset, seed: int) -> str:
    """Return a hash of all that a trial's value depends on."""
    asked = blake2b(tuning.task.relevant.item.tobytes()).hexdigest()
    settings = sorted((name, str(value)) for name, value in tuning.algorithm.settings().items())
    axes = str(sorted(tuning.axes.items()))
    depends = (__version__, data.fingerprint, asked, str(tuning.metric), settings, axes, seed)
    return blake2b(repr(depends).encode(), digest_size=6).hexdigest()
