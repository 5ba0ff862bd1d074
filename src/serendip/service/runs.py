"""Every run that measured something leaves a directory from which it can be run and compared again."""

import json
import math
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np

from serendip import __version__
from serendip.config import Settings, read, write
from serendip.data.dataset import Dataset
from serendip.errors import UserError, nearest
from serendip.models.contract import Algorithm, Model, Run
from serendip.registry import ALGORITHMS, load
from serendip.service.compare import compare
from serendip.service.evaluate import Files, answer, evaluate
from serendip.service.settings import learned
from serendip.service.train import fit
from serendip.service.tune import replayed, training_part
from serendip.service.whole import write_whole
from serendip.store.project import Project

TIMES = frozenset({"seconds", "fit_seconds", "evaluate_seconds", "peak_memory_mb", "run", "model"})  # differ each time
PACKAGES = ("numpy", "scipy", "polars")
RUN = "run.json"
NEAR = 1e-9  # relative: what summing in another order may change


@dataclass(frozen=True)
class Recorded:
    """What run.json holds: all that the numbers of report.json depend on."""

    command: str
    asked: Mapping[str, object]
    line: Sequence[str]
    data: str  # hash
    split: Mapping[str, object]
    seed: int
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Reproduced:
    """How many numbers are the same again, and those that are not: name -> (then, now), NaN where there is none."""

    run: Path
    command: str
    same: int
    different: Mapping[str, tuple[float, float]]
    versions: Mapping[str, tuple[str, str]]  # those that differ now


def versions() -> dict[str, str]:
    """Return the versions that numbers may depend on."""
    return {"serendip": __version__, "python": platform.python_version(), "machine": platform.machine(),
            **{name: version(name) for name in PACKAGES}}  # fmt: skip


def keep(
    project: Project,
    command: str,
    asked: Mapping[str, object],
    data: Dataset,
    settings: Settings,
    report: Mapping[str, object],
    seed: int,
) -> Path:
    """Write a run of a project and return its directory; older runs and models go as `[training] keep` says."""
    about = Recorded(command, asked, sys.argv[1:], data.fingerprint,
                     {"split": settings.evaluation.split, "share": settings.evaluation.share,
                      "seed": settings.evaluation.seed}, seed, versions())  # fmt: skip
    where = project.runs / project.new_version(data.fingerprint)
    put(where, about, report)
    write_whole(where / "serendip.toml", write(settings))
    project.prune(settings.training.keep)
    return where


def put(where: Path, about: Recorded, report: Mapping[str, object]) -> None:
    """Write what a run was asked and what came of it."""
    write_whole(where / "report.json", msgspec.json.format(msgspec.json.encode(report), indent=1))
    write_whole(where / RUN, msgspec.json.format(msgspec.json.encode(about), indent=1))


def keep_evaluation(
    where: Path, files: Files, asked: Mapping[str, object], report: Mapping[str, object], seed: int
) -> None:
    """Write a run of `evaluate`, which has no project: its files are named, with their hashes.

    Raises:
        UserError: there is something else in the directory.
    """
    empty(where)
    named = {name: str(path.resolve()) for name, path in vars(files).items() if path is not None}
    about = Recorded("evaluate", {**asked, "files": named}, sys.argv[1:], of_files(files), {"split": "files"}, seed,
                     versions())  # fmt: skip
    put(where, about, report)


def empty(where: Path) -> None:
    """Raise a UserError where a directory for a run is a file, or holds something."""
    if where.exists() and (not where.is_dir() or any(where.iterdir())):
        raise UserError(f"{where} is not empty: name a new directory for the run")


def of_files(files: Files) -> str:
    """Return a hash of what the files hold."""
    found = sha256()
    for name, path in vars(files).items():
        if path is not None:
            found.update(name.encode() + sha256(path.read_bytes()).digest())
    return found.hexdigest()


def find(project: Project, run: str | None = None) -> Path:
    """Return the directory of a run: one of the project's by its name, or wherever it is; the newest where not named.

    Raises:
        UserError: there is none.
    """
    kept = sorted(path.parent.name for path in project.runs.glob(f"*/{RUN}"))
    if run is None and not kept:
        raise UserError(f"{project.root} has no run yet: make one, as with `serendip compare`, or name a directory")
    name = kept[-1] if run is None else run
    here, there = Path(name), project.runs / name
    if not (here / RUN).is_file() and name not in kept:
        raise UserError(
            f"{name!r} is neither a run of {project.root} nor the directory of one{nearest(name, kept[-5:])}"
        )
    return there if name in kept else here


def reproduce(directory: Path, project: Project | None = None, *, run: Run = Run()) -> Reproduced:
    """Run what a directory records again, nothing of it being written, and compare every number.

    project: whose data it is to be made on, where the directory does not stand in the runs/ folder of its own.

    Raises:
        UserError: it is no run's directory, or damaged, or the data is not what it was.
    """
    if not (directory / RUN).is_file():
        raise UserError(f"{directory} is no run's directory: name one of a project's runs/ folder")
    path = directory / RUN
    try:
        about = msgspec.json.decode(path.read_bytes(), type=Recorded)
        path = directory / "report.json"
        before = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is not as a run leaves it, so that it cannot be made again: {error}") from None
    run = Run(threads=run.threads, seed=about.seed, progress=run.progress)
    now = of_evaluation(about, run) if about.command == "evaluate" else of_project(directory, project, about, run)
    old, new = numbers(before), numbers(now)
    then = {name: old.get(name, math.nan) for name in new}
    different = {
        name: (then[name], value) for name, value in new.items()
        if not math.isclose(then[name], value, rel_tol=NEAR, abs_tol=1e-12)
    }  # fmt: skip
    today = versions()
    other = {name: (was, today.get(name, "")) for name, was in about.versions.items() if today.get(name) != was}
    return Reproduced(directory, about.command, len(new) - len(different), different, other)


def of_evaluation(about: Recorded, run: Run) -> Mapping[str, object]:
    """Evaluate the same files again."""
    asked = dict(about.asked)
    named = msgspec.convert(asked["files"], dict[str, str])
    files = Files(**{name: Path(text) for name, text in named.items()})
    for path in map(Path, named.values()):
        if not path.is_file():
            raise UserError(f"{path} is not there any more, so the run cannot be made again")
    if of_files(files) != about.data:
        raise UserError("the files are not what they were at the run, so its numbers cannot be compared")
    return answer(evaluate(
        files, str(asked["algorithm"]), str(asked["metrics"]), settings=msgspec.convert(asked["settings"], list[str]),
        keep_seen=bool(asked["keep_seen"]), weighted=bool(asked["weighted"]),
        by=msgspec.convert(asked.get("by"), str | None), run=run,
    ))  # fmt: skip


def of_project(directory: Path, project: Project | None, about: Recorded, run: Run) -> Mapping[str, object]:
    """Do again what a run did in the project whose runs/ folder it stands in, under the settings of then."""
    own = Project(directory.resolve().parent.parent)
    if project is None or own.runs == directory.resolve().parent:
        project = own
    settings = read(directory / "serendip.toml")
    with project.store(create=False) as store:
        data = learned(store, settings)
    if data.fingerprint != about.data:
        raise UserError(
            f"the project's data is not what it was at the run (hash {about.data[:8]}, now {data.fingerprint[:8]}): "
            "events, attributes or [interactions] have changed since, so its numbers cannot be compared"
        )
    again: Mapping[str, Callable[[], Mapping[str, object]]] = {
        "compare": lambda: compare(
            data, settings, algorithms=msgspec.convert(about.asked["algorithms"], list[str] | None), run=run
        ).plain(),
        "tune": lambda: replayed(
            algorithm_of(about.asked["algorithm"], about.asked["start"]),
            algorithm_of(about.asked["algorithm"], about.asked["best"]),
            training_part(data, settings), settings, msgspec.convert(about.asked["metric"], str | None), run,
        ),
        "train": lambda: trained(algorithm_of(about.asked["algorithm"], about.asked["settings"]), data, run),
    }  # fmt: skip
    if about.command not in again:
        raise UserError(f"{directory} records {about.command!r}, which this version cannot run again")
    return again[about.command]()


def algorithm_of(name: object, settings: object) -> Algorithm:
    """Return an algorithm as it was recorded."""
    made: Algorithm = load(str(name), ALGORITHMS, "algorithm").configured(msgspec.convert(settings, dict[str, object]))
    return made


def trained(algorithm: Algorithm, data: Dataset, run: Run) -> dict[str, object]:
    """Fit again, and return the numbers that tell the model from another."""
    return known_by(fit(algorithm, data, run), data)


def known_by(model: Model, data: Dataset) -> dict[str, object]:
    """Return numbers by which a model is told from another: how many, sum and squares of the scores of 50 users."""
    some = np.unique(np.linspace(0, data.n_users - 1, 50).astype(np.int32))
    score = model.score(data.queries(some)).astype(np.float64)
    return {"scores": {"known": int((~np.isnan(score)).sum()), "sum": float(np.nansum(score)),
                       "squares": float(np.nansum(score**2))}}  # fmt: skip


def numbers(report: object, name: str = "") -> dict[str, float]:
    """Return every number of a report under the path to it, times and sizes left out."""
    found: dict[str, float] = {}
    if isinstance(report, Mapping):
        for key, value in report.items():
            if key not in TIMES:
                found |= numbers(value, f"{name}/{key}" if name else str(key))
        return found
    if isinstance(report, (list, tuple)):
        for n, value in enumerate(report):
            own = value.get("algorithm", n) if isinstance(value, Mapping) else n
            found |= numbers(value, f"{name}/{own}")
        return found
    if isinstance(report, (int, float)) and not isinstance(report, bool):
        found[name] = float(report)
    return found
