"""Judge algorithms on files that are split already: the bench by which this project and others are compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.data.tables import Tables, no_items, no_users
from serendip.errors import UserError, nearest
from serendip.evaluation.files import read_events, read_features, read_pairs
from serendip.evaluation.groups import groups
from serendip.evaluation.leakage import Leak, leaks
from serendip.evaluation.report import Report
from serendip.evaluation.report import evaluate as judged
from serendip.evaluation.task import Task
from serendip.metrics.name import Metric, parse_all
from serendip.models.contract import Algorithm, Run
from serendip.registry import ALGORITHMS, load


@dataclass(frozen=True)
class Files:
    """The files of a bench; what each holds is told by `serendip evaluate --help`."""

    train: Path
    test: Path
    history: Path | None = None
    items: Path | None = None
    users: Path | None = None
    candidates: Path | None = None


def evaluate(
    files: Files,
    algorithms: str,
    metrics: str,
    *,
    settings: Sequence[str] = (),
    keep_seen: bool = False,
    weighted: bool = False,
    by: str | None = None,
    run: Run = Run(),
    heard: Callable[[str], None] | None = None,
) -> list[Report]:
    """Return the report of each algorithm, in the order named: fitted on the training file, judged on the test file.

    algorithms: names separated by commas. metrics: as `recall@20,ndcg@20`. settings: `NAME.field=value`. by: a column
    that makes groups of test users, of which the metrics are reported too. heard: called with a sentence for each thing
    that is suspicious of the parts.

    Raises:
        UserError: a name, a file or a value is wrong, or a model cannot give a metric.
    """
    wanted, asked = configured(algorithms, settings), parse_all(metrics)
    task = read_task(files, keep_seen=keep_seen, weighted=weighted)
    check_columns(task, asked, files.test)
    parts = None if by is None else groups(task, by)
    reports = [judged(algorithm, task, asked, run, parts) for algorithm in wanted]
    if heard is not None:
        for leak in leaks_of(files, task):
            heard(f"Warning: {leak}.")
    return reports


def configured(names: str, settings: Sequence[str]) -> list[Algorithm]:
    """Return the algorithms named, each once, with what is set for it.

    Raises:
        UserError: an algorithm, a hyperparameter or a value is not known, or a setting is for none of them.
    """
    wanted = list(dict.fromkeys(name.strip().lower() for name in names.split(",") if name.strip()))
    if not wanted:
        raise UserError(f"no algorithm was named; known: {', '.join(ALGORITHMS)}")
    known = {name: load(name, ALGORITHMS, "algorithm") for name in wanted}
    given: dict[str, dict[str, object]] = {name: {} for name in wanted}
    for setting in settings:
        target, equals, value = setting.partition("=")
        name, dot, field = target.strip().partition(".")
        if not (equals and dot and field):
            raise UserError(f"a setting is written NAME.field=value, as ease.l2=300, and {setting!r} is not")
        if name not in given:
            load(name, ALGORITHMS, "algorithm")
            raise UserError(f"{setting!r} is set and {name} is not among the algorithms{nearest(name, wanted)}")
        given[name][field] = value.strip()
    return [known[name].configured(given[name]) for name in wanted]


def read_task(files: Files, *, keep_seen: bool = False, weighted: bool = False) -> Task:
    """Return the task of the files: ids of items and users are those of training, attributes and nothing else.

    Raises:
        UserError: a file cannot be used; the sentence says which and why.
    """
    return Task.of_tables(
        Tables(
            read_events(files.train, typed=weighted),
            no_items() if files.items is None else read_features(files.items, "item_id"),
            no_users() if files.users is None else read_features(files.users, "user_id"),
        ),
        read_events(files.test),
        InteractionRules(use_values=True) if weighted else InteractionRules(weights={}),
        history=None if files.history is None else read_events(files.history, typed=weighted),
        candidates=None if files.candidates is None else read_pairs(files.candidates),
        keep_seen=keep_seen,
    )


def leaks_of(files: Files, task: Task) -> tuple[Leak, ...]:
    """Return what is suspicious of the files' parts; where there is a history of its own, it is not looked at."""
    train = task.train
    test = Dataset.of(Tables(read_events(files.test)), train.rules, users=train.users, items=train.items)
    return leaks(train, test)


def check_columns(task: Task, metrics: Sequence[Metric], path: Path) -> None:
    """Raise a UserError, before any fit, where the test file lacks the column that a metric is taken from."""
    for metric in metrics:
        if metric.definition.kind == "rating" and task.rows.value is None:
            raise UserError(f"{metric} needs the column 'value' and {path} has none")
        if metric.name == "logloss" and task.rows.label is None:
            raise UserError(f"logloss needs the column 'label' (1 or 0) and {path} has none")


def answer(reports: Sequence[Report]) -> Mapping[str, object]:
    """Return what `serendip evaluate --json` prints."""
    return {"results": [report.plain() for report in reports]}
