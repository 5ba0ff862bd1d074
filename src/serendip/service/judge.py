"""Judge algorithms from Python: data frames of metrics with their intervals."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from serendip.adapters.scored import adopted, named
from serendip.config import Settings
from serendip.data.dataset import Dataset
from serendip.data.split import Split
from serendip.errors import UserError
from serendip.evaluation.comparison import cross_validate as cross_validated
from serendip.evaluation.groups import Group, groups
from serendip.evaluation.protocol import judge
from serendip.evaluation.report import report
from serendip.evaluation.task import Task
from serendip.metrics.name import Metric, parse_all
from serendip.models.contract import Algorithm, Run
from serendip.registry import ALGORITHMS, load
from serendip.service.compare import compare as compare_portfolio
from serendip.service.portfolio import ready

METRICS = "ndcg@10,recall@10"
GROUP = {"group": pl.String, "n_users": pl.Int64}
ESTIMATE = {"mean": pl.Float64, "low": pl.Float64, "high": pl.Float64}


def evaluate(
    algorithms: Any, split: Split, metrics: str = METRICS, *, by: str | None = None, run: Run = Run()
) -> pl.DataFrame:
    """Fit each algorithm on the training part and measure it on the test part, alone, with nothing behind it.

    algorithms: one or several, each a name, an `Algorithm`, or a model that is fitted on the training part already: any
    object with `score(queries)` or `recommend(queries, k)`; or a mapping with what each is to be called for a key.
    by: an attribute of users, a column of the context, or `history`, how many events they bring: the groups of test
    users that it makes are measured too.
    Returns algorithm, metric, mean, low, high: one row for each pair; low to high is the 95% interval. With `by` there
    are also the group, null for all users, and its n_users. Slates are judged by what counts as success and is new to
    the user, rmse and its like by all ratings.

    Raises:
        UserError: a name is not known, an algorithm cannot give a metric, or there is no column to group users by.
    """
    if not isinstance(split, Split):
        raise UserError("evaluate takes the parts of a split: serendip.evaluate(algorithms, serendip.split(data))")
    several = list(algorithms) if isinstance(algorithms, (list, tuple, Mapping)) else [algorithms]
    given = [algorithms[name] for name in several] if isinstance(algorithms, Mapping) else several
    wanted = [made(one) if isinstance(one, (str, Algorithm)) else adopted(one, split.train) for one in given]
    tasks = tasks_of(split, parse_all(metrics))
    n_cold, n = int(np.count_nonzero(tasks[0][0].cold)), len(tasks[0][0])
    if 2 * n_cold > n:
        warnings.warn(
            f"{n_cold:,} of {n:,} test users bring no history, and of these a model alone knows little: split by "
            "'last-share', or use serendip.compare, which puts popular behind every model",
            stacklevel=2,
        )
    asked = [(task, metric, {} if by is None else groups(task, by)) for task, metric in tasks]
    rows: list[tuple[object, ...]] = []
    for key, source, one in zip(several, given, wanted, strict=True):
        model = one.fit(split.train, run=run) if isinstance(one, Algorithm) else one
        name = label(one) if isinstance(one, Algorithm) else named(source)
        name = str(key) if isinstance(algorithms, Mapping) else name
        for task, wished, parts in asked:
            found = judge(model, task, wished, name=name, progress=run.progress)
            told = report(name, {}, found, task, seed=run.seed, groups=parts)
            for part, (n, estimates) in [(None, Group(told.n_users, told.estimates)), *told.groups.items()]:
                rows += [(name, str(m), part, n, e.mean, e.low, e.high) for m, e in estimates.items()]
    frame = pl.DataFrame(rows, schema={"algorithm": pl.String, "metric": pl.String, **GROUP, **ESTIMATE}, orient="row")
    return frame.drop(GROUP) if by is None else frame


def compare(
    data: Dataset,
    algorithms: Iterable[str] | None = None,
    *,
    metric: str | None = None,
    settings: Settings | None = None,
    run: Run = Run(),
) -> pl.DataFrame:
    """Judge a portfolio on a split of the data as `serendip compare` does, each with popular behind it.

    Returns the leaderboard, best first: algorithm, the mean of the primary metric with low and high of its interval, by
    how much it is over popular, p (paired by user, corrected after Holm), beyond_doubt, then the means of the other
    metrics. algorithms: names, else those of the settings that the data can feed. metric: the primary one, where it is
    not that of the settings. What was judged otherwise than asked for is a warning.

    Raises:
        UserError: nothing can be withheld, or a name is not known.
    """
    chosen = settings or Settings()
    if metric is not None:
        chosen = replace(chosen, objective=replace(chosen.objective, metric=metric))
    compared = compare_portfolio(data, chosen, algorithms=None if algorithms is None else list(algorithms), run=run)
    notes = [compared.contest.note, *(f"{name} is left out: {why}" for name, why in compared.left_out)]
    for note in filter(None, notes):
        warnings.warn(note, stacklevel=2)
    board = compared.board
    rows = []
    for standing in board.standings:
        primary, against = standing.report.estimates[board.primary], standing.against
        rows.append(
            {"algorithm": standing.report.algorithm}
            | {str(board.primary): primary.mean, "low": primary.low, "high": primary.high}
            | {"over_popular": None if against is None else against.difference}
            | {"p": None if against is None else against.p_corrected, "beyond_doubt": standing.beyond_doubt}
            | {str(m): e.mean for m, e in standing.report.estimates.items() if m != board.primary}
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def cross_validate(
    algorithms: str | Algorithm | Sequence[str | Algorithm],
    data: Dataset,
    metrics: str = METRICS,
    *,
    k: int = 5,
    run: Run = Run(),
) -> pl.DataFrame:
    """Judge each algorithm on the same k random folds: a model sees the future then, which suits ratings best.

    Returns algorithm, metric, the mean over the folds and the standard deviation between them.

    Raises:
        UserError: a name is not known, k does not fit the data, or an algorithm cannot give a metric.
    """
    given = [algorithms] if isinstance(algorithms, (str, Algorithm)) else algorithms
    asked = parse_all(metrics)
    found = cross_validated([made(one) for one in given], data, asked, k=k, run=run)
    rows = [(one.algorithm, str(m), one.mean(m), one.deviation(m)) for one in found for m in asked]
    schema = {"algorithm": pl.String, "metric": pl.String, "mean": pl.Float64, "deviation": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def made(given: str | Algorithm) -> Algorithm:
    """Return the algorithm of a name, with its defaults; one that is made already as it is.

    Raises:
        UserError: there is no algorithm of that name.
    """
    if isinstance(given, Algorithm):
        return given
    named: Algorithm = load(given, ALGORITHMS, "algorithm")()
    return named


def label(algorithm: Algorithm) -> str:
    """Return the name, with the hyperparameters that are not the defaults: `ease(l2=100.0)`."""
    defaults = {name: one.default for name, one in algorithm.hyperparameters().items()}
    changed = [f"{name}={value}" for name, value in algorithm.settings().items() if value != defaults[name]]
    return f"{algorithm.name}({', '.join(changed)})" if changed else algorithm.name


def tasks_of(split: Split, metrics: Sequence[Metric]) -> list[tuple[Task, list[Metric]]]:
    """Return the tasks that the metrics need: of ranking, and of predicting ratings.

    Raises:
        UserError: the test part has nothing that they could be taken from.
    """
    of_ratings = [m for m in metrics if m.definition.kind == "rating"]
    others = [m for m in metrics if m not in of_ratings]
    tasks = []
    if others:
        labelled = split.test.label is not None
        tasks.append((Task.of_split(split if labelled else ready(split, Settings())), others))
    if of_ratings:
        rated = split.test.where(split.test.rated)
        if not len(rated):
            raise UserError(f"{of_ratings[0]} is of ratings, and the test part has none")
        tasks.append((Task.of_split(replace(split, test=rated)), of_ratings))
    return tasks
