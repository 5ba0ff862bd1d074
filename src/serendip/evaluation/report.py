"""What is found of one algorithm on one task: its metrics with intervals, its times and its memory."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from serendip.arrays import Bool
from serendip.evaluation.groups import Group
from serendip.evaluation.measured import Measured
from serendip.evaluation.memory import PeakMemory
from serendip.evaluation.protocol import judge
from serendip.evaluation.task import Task
from serendip.metrics.name import Metric
from serendip.models.contract import Algorithm, Run
from serendip.stats.bootstrap import Estimate


@dataclass(frozen=True)
class Report:
    """The metrics of one model. cold: of the users who bring no history alone; they are among all users too.

    groups: of the users of each group alone, where some were asked for.
    fit_seconds, evaluate_seconds: wall-clock time. peak_memory_mb: the largest resident set of the process meanwhile.
    """

    algorithm: str
    hyperparameters: Mapping[str, object]
    measured: Mapping[Metric, Measured]
    estimates: Mapping[Metric, Estimate]
    cold: Mapping[Metric, Estimate]
    n_users: int
    n_cold: int
    fit_seconds: float
    evaluate_seconds: float
    peak_memory_mb: float
    groups: Mapping[str, Group] = field(default_factory=dict)

    def plain(self) -> dict[str, object]:
        """Return the report as JSON has it: `serendip evaluate --json` answers with a list of these."""
        return {
            "algorithm": self.algorithm,
            "hyperparameters": dict(self.hyperparameters),
            "metrics": numbers(self.estimates),
            "n_users": self.n_users,
            "fit_seconds": round(self.fit_seconds, 4),
            "evaluate_seconds": round(self.evaluate_seconds, 4),
            "peak_memory_mb": round(self.peak_memory_mb, 1),
        } | ({"groups": {label: {"metrics": numbers(one.estimates), "n_users": one.n_users}
                         for label, one in self.groups.items()}} if self.groups else {})  # fmt: skip


def number(value: float) -> float | None:
    """Return a number that JSON has: NaN becomes null."""
    return None if math.isnan(value) else value


def numbers(estimates: Mapping[Metric, Estimate]) -> dict[str, object]:
    """Return metrics with their intervals as JSON has them."""
    return {str(m): {"mean": number(e.mean), "ci95": [number(e.low), number(e.high)]} for m, e in estimates.items()}


def evaluate(
    algorithm: Algorithm,
    task: Task,
    metrics: Sequence[Metric],
    run: Run = Run(),
    groups: Mapping[str, Bool] | None = None,
) -> Report:
    """Fit an algorithm on the training part and judge the model, by each group of test users (B,) too.

    Raises:
        UserError: there is nothing to learn from, or the model cannot give a metric.
    """
    with PeakMemory() as peak:
        start = time.perf_counter()
        model = algorithm.fit(task.train, run=run)
        fitted = time.perf_counter()
        measured = judge(model, task, metrics, name=algorithm.name, progress=run.progress)
        judged = time.perf_counter()
    return report(
        algorithm.name, algorithm.settings(), measured, task, fitted - start, judged - fitted, peak.mb, run.seed, groups
    )


def report(
    name: str,
    hyperparameters: Mapping[str, object],
    measured: Mapping[Metric, Measured],
    task: Task,
    fit_seconds: float = 0.0,
    evaluate_seconds: float = 0.0,
    peak_memory_mb: float = 0.0,
    seed: int = 0,
    groups: Mapping[str, Bool] | None = None,
) -> Report:
    """Return the report of what `judge` measured, with intervals; for models that were fitted elsewhere too."""

    def part(users: Bool) -> Group:
        return Group(int(users.sum()), {m: found.of(users).estimate(seed) for m, found in measured.items()})

    cold = part(task.cold) if task.cold.any() else Group(0, {})
    return Report(
        name,
        hyperparameters,
        measured,
        {m: found.estimate(seed) for m, found in measured.items()},
        cold.estimates,
        len(task),
        cold.n_users,
        fit_seconds,
        evaluate_seconds,
        peak_memory_mb,
        {label: part(users) for label, users in (groups or {}).items()},
    )
