"""Several models on the same users: who leads, by how much, and whether that is beyond doubt."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from serendip.data.dataset import Dataset
from serendip.data.split import folds
from serendip.errors import UserError
from serendip.evaluation.measured import UserMean
from serendip.evaluation.report import Report, evaluate
from serendip.evaluation.task import Task
from serendip.metrics.name import Metric
from serendip.models.contract import Algorithm, Run
from serendip.stats.paired import Comparison, compare


@dataclass(frozen=True)
class Standing:
    """A place on the leaderboard: the report, and how it compares with the baseline (None for the baseline)."""

    report: Report
    against: Comparison | None

    @property
    def beyond_doubt(self) -> bool:
        """Whether it beats the baseline, paired by user and corrected for the number of models, at the 5% level."""
        return self.against is not None and self.against.beyond_doubt

    @property
    def verdict(self) -> str:
        """The same in words: beyond doubt, no, or baseline."""
        return "beyond doubt" if self.beyond_doubt else "baseline" if self.against is None else "no"


@dataclass(frozen=True)
class Leaderboard:
    """Models in order of the primary metric, the best first."""

    primary: Metric
    baseline: str
    standings: tuple[Standing, ...]

    @property
    def chosen(self) -> Standing:
        """The best of those that beat the baseline beyond doubt, else the baseline itself."""
        for standing in self.standings:
            if standing.beyond_doubt or standing.report.algorithm == self.baseline:
                return standing
        raise AssertionError("the baseline is always among the standings")


def leaderboard(reports: Sequence[Report], primary: Metric, *, baseline: str = "popular", seed: int = 0) -> Leaderboard:
    """Return the reports of one task in order; differences to the baseline are paired by user, corrected after Holm.

    Raises:
        UserError: the baseline is not among them, an algorithm is there twice, or the metric is none to sort by.
    """
    names = [r.algorithm for r in reports]
    if len(set(names)) < len(names):
        raise UserError(f"an algorithm is there more than once among {', '.join(names)}: a leaderboard needs names")
    direction = primary.direction
    values: dict[str, UserMean] = {}
    for r in reports:
        found = r.measured.get(primary)
        if direction == 0 or not isinstance(found, UserMean):
            raise UserError(f"{primary} cannot be what a leaderboard sorts by: it takes a metric with a value a user")
        values[r.algorithm] = found
    weight = next((v.weight for v in values.values()), None)
    found_all = compare(
        {name: v.value for name, v in values.items()},
        baseline,
        weight=weight,
        direction=1 if direction > 0 else -1,
        seed=seed,
    )
    against = {c.name: c for c in found_all}

    def place(r: Report) -> tuple[bool, float, str]:
        mean = r.estimates[primary].mean
        return math.isnan(mean), -direction * mean, r.algorithm

    return Leaderboard(
        primary, baseline, tuple(Standing(r, against.get(r.algorithm)) for r in sorted(reports, key=place))
    )


@dataclass(frozen=True)
class CrossValidation:
    """The reports of one algorithm on each fold."""

    folds: tuple[Report, ...]

    @property
    def algorithm(self) -> str:
        """The name of the algorithm."""
        return self.folds[0].algorithm

    def mean(self, metric: Metric) -> float:
        """Return the mean over folds."""
        return float(np.mean([r.estimates[metric].mean for r in self.folds]))

    def deviation(self, metric: Metric) -> float:
        """Return the standard deviation between folds (n - 1)."""
        return float(np.std([r.estimates[metric].mean for r in self.folds], ddof=1))


def cross_validate(
    algorithms: Sequence[Algorithm],
    data: Dataset,
    metrics: Sequence[Metric],
    *,
    k: int = 5,
    keep_seen: bool = False,
    run: Run = Run(),
) -> list[CrossValidation]:
    """Judge every algorithm on the same k random folds, in the order given.

    Raises:
        UserError: k does not fit the data, or an algorithm cannot be judged.
    """
    tasks: Iterable[Task] = (Task.of_split(part, keep_seen=keep_seen) for part in folds(data, k, run.seed))
    found = [[evaluate(a, task, metrics, run) for a in algorithms] for task in tasks]
    return [CrossValidation(tuple(fold[i] for fold in found)) for i in range(len(algorithms))]
