"""A model that serves against one that would: both judged on the same withheld part, paired by user."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from serendip.arrays import ItemLists
from serendip.config import Settings
from serendip.data.dataset import Dataset
from serendip.data.queries import Queries
from serendip.data.slates import Slates
from serendip.errors import UserError
from serendip.evaluation.comparison import leaderboard
from serendip.evaluation.protocol import judge
from serendip.evaluation.report import Report, report
from serendip.evaluation.task import known_only
from serendip.metrics.name import Metric, parse
from serendip.models.contract import Algorithm, Model, Run
from serendip.models.popular import Popular
from serendip.models.served import Served
from serendip.pipeline.pipeline import Pipeline
from serendip.plural import counted
from serendip.registry import ALGORITHMS, load
from serendip.service.portfolio import contest
from serendip.service.settings import primary
from serendip.stats.paired import Comparison

CURRENT, NEW = "current", "new"


@dataclass(frozen=True)
class Duel:
    """Two reports on one split. against: new less current, paired by user. how: what the current one was judged as."""

    metric: Metric
    split: str
    how: str
    current: Report
    new: Report
    against: Comparison

    @property
    def worst(self) -> float:
        """How much better the new one is at the unfavourable end of the 95% interval; below 0: worse by so much."""
        return self.against.low if self.metric.direction > 0 else -self.against.high

    def no_worse(self, tolerance: float) -> bool:
        """Return whether the new one is beyond doubt not worse by more than a share of the current one's metric."""
        return self.worst >= -tolerance * abs(self.current.estimates[self.metric].mean)

    def plain(self) -> dict[str, object]:
        """Return it as JSON has it."""
        a = self.against
        return {
            "primary": str(self.metric), "split": self.split, "judged": self.how, "n_users": a.n_users,
            "current": self.current.plain()["metrics"], "new": self.new.plain()["metrics"],
            "difference": a.difference, "ci95": [a.low, a.high], "p": a.p,
        }  # fmt: skip

    def sentence(self) -> str:
        """Return the numbers in words."""
        a, m = self.against, self.metric
        return (
            f"{m} {self.new.estimates[m].mean:.4f} against {self.current.estimates[m].mean:.4f} of the current model "
            f"({self.how}): {a.difference:+.4f}, from {a.low:+.4f} to {a.high:+.4f}, p = {a.p:.4f}, "
            f"{counted(a.n_users, 'user')}, split: {self.split}"
        )


@dataclass(frozen=True)
class AsItServes:
    """A fitted model with what stands behind it; items newer than it are not known to it."""

    model: Model

    def recommend(
        self, queries: Queries, k: int, candidates: ItemLists | None = None, exclude: ItemLists | None = None
    ) -> Slates:
        """Return what it would have shown."""
        main, behind = (self.model.main, self.model.fallback) if isinstance(self.model, Served) else (self.model, None)
        n = self.model.n_items
        return Pipeline(main, behind).recommend(
            queries, k, candidates and known_only(candidates, n), exclude and known_only(exclude, n)
        )


def duel(
    data: Dataset, settings: Settings, current: Model, told: Mapping[str, Any], new: Algorithm, run: Run = Run()
) -> Duel:
    """Judge a model that serves and an algorithm that would, on what the settings withhold.

    told: what model.json says of the current one. It is judged as it serves where it has learned from nothing that is
    withheld now; else its algorithm is fitted again on the training part, so that it has not seen the answers either.

    Raises:
        UserError: nothing can be withheld, or the current model's algorithm is not known.
    """
    chosen = contest(data, settings)
    metric, task, quiet = primary(settings), chosen.task, replace(run, progress=None)
    metrics = tuple(dict.fromkeys([metric, *(parse(name) for name in settings.evaluation.metrics)]))
    behind = Popular().fit(task.train)
    cut, last = chosen.parts.cutoff, told.get("last_event")
    fresh = cut is not None and last is not None and last < cut
    old = configured(told)

    def fitted(algorithm: Algorithm, name: str) -> Report:
        found = judge(Pipeline(algorithm.fit(task.train, run=quiet), behind), task, metrics, name=algorithm.name)
        return report(name, algorithm.settings(), found, task, seed=run.seed)

    challenger = fitted(new, NEW)
    if fresh:
        found = judge(AsItServes(current), task, metrics, name=str(told.get("algorithm")))
        champion, how = report(CURRENT, old.settings(), found, task, seed=run.seed), "as it serves"
    elif (old.name, old.settings()) == (new.name, new.settings()):
        champion, how = replace(challenger, algorithm=CURRENT), "the same algorithm, so the same"
    else:
        champion, how = fitted(old, CURRENT), "fitted again on the same part"
    board = leaderboard([champion, challenger], metric, baseline=CURRENT, seed=run.seed)
    against = next(standing.against for standing in board.standings if standing.report.algorithm == NEW)
    assert against is not None
    return Duel(metric, chosen.parts.name, how, champion, challenger, against)


def configured(told: Mapping[str, Any]) -> Algorithm:
    """Return the algorithm of a model by what its model.json says.

    Raises:
        UserError: it says none, or one that is not known.
    """
    name = told.get("algorithm")
    if not isinstance(name, str):
        raise UserError("the model does not say which algorithm it is of: train one with `serendip train ALGORITHM`")
    made: Algorithm = load(name, ALGORITHMS, "algorithm").configured(told.get("hyperparameters") or {})
    return made
