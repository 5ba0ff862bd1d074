"""A search for better hyperparameters by Optuna: the default first, hopeless trials given up, resumed where it stopped.

Akiba, Sano, Yanase, Ohta, Koyama, "Optuna: A Next-generation Hyperparameter Optimization Framework", KDD 2019; the
sampler of Bergstra, Bardenet, Bengio, Kegl, "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011; trials are
given up by Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020 (successive halving).
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from serendip.arrays import F64
from serendip.errors import UserError
from serendip.evaluation.deadline import Deadline, TimeUp
from serendip.evaluation.space import Axis, Choices, Settings

RUNGS = (1, 3, 9)  # ninths of the epochs after which a trial may be given up: the best third goes on
SHARES = (3, 9)  # ninths of the users: fewer of them favour other penalties, so the better half goes on
FREE = 4  # trials before the first is given up by its share of the users
WORTH = 4.0  # seconds of a whole trial from which on giving up pays
AGAIN = 30  # points met before, one after the other, after which the space counts as exhausted


@dataclass(frozen=True)
class Trial:
    """What came of one point. value (n_users,): more is better, None where it was given up or failed."""

    number: int
    settings: Settings
    mean: float
    seconds: float
    value: F64 | None = None
    why: str = ""  # it has no value


@dataclass(frozen=True)
class Search:
    """How long to look: so many trials, or until the deadline."""

    trials: int
    deadline: Deadline = field(default_factory=lambda: Deadline(None))
    seed: int = 0
    iterative: bool = False  # a part of the effort is a part of the epochs, else of the users


Objective = Callable[[Settings, int], F64]  # settings, ninths of the effort -> a value a user, more being better
Heard = Callable[[Trial, list[Trial]], None]  # called with each trial and all so far


def search(
    name: str,
    axes: Mapping[str, Axis],
    default: Settings,
    objective: Objective,
    how: Search,
    folder: Path,
    heard: Heard,
) -> list[Trial]:
    """Return every trial in order, those of earlier calls with the same folder first; trial 0 is the default.

    What is known of a trial is on the disk when `heard` is called, so that a call that was stopped goes on.

    Raises:
        UserError: Optuna is not installed, or the default itself fails.
    """
    try:
        import optuna
    except ImportError:
        raise UserError("tuning needs Optuna: pip install 'serendip[tune]'") from None
    from optuna.trial import TrialState

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = opened(optuna, name, folder, how.iterative)
    for stale in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(stale.number, state=TrialState.FAIL)
    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        study.enqueue_trial(encoded(axes, default))
    found = finished(study, folder)
    again = 0
    while len(found) < how.trials and again < AGAIN and how.deadline.left > expected(found):
        seed = how.seed + 7919 * (len(found) + again)  # of its own for each trial: a search that goes on is the same
        study.sampler = optuna.samplers.TPESampler(seed=seed)
        trial = study.ask()
        first = not any(one.value is not None for one in found)
        point = asked(trial, axes)
        settings = dict(default) if first else point
        if any(one.settings == settings for one in found):
            known = next(one for one in found if one.settings == settings)
            study.tell(trial, *((known.mean,) if known.value is not None else (None, TrialState.PRUNED)))
            again += 1
            continue
        again = 0
        try:
            done = run(study, trial, settings, objective, folder, optuna, how.iterative if first else None)
        except TimeUp:
            study.tell(trial, state=TrialState.FAIL)
            break
        found.append(done)
        heard(done, found)
    if not any(one.value is not None for one in found):
        raise UserError(f"the time is too short for a single trial of {name}: give more minutes")
    return found


def opened(optuna: Any, name: str, folder: Path, iterative: bool) -> Any:
    """Return the study of a folder, made where there is none."""
    from optuna.storages.journal import JournalFileBackend

    folder.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "optuna.log")))
    halving = optuna.pruners.SuccessiveHalvingPruner(min_resource=RUNGS[0], reduction_factor=3)
    median = optuna.pruners.MedianPruner(n_startup_trials=FREE)
    return optuna.create_study(
        storage=storage, study_name=name, direction="maximize", load_if_exists=True,
        pruner=halving if iterative else median,
    )  # fmt: skip


def run(
    study: Any, trial: Any, settings: Settings, objective: Objective, folder: Path, optuna: Any, first: bool | None
) -> Trial:
    """Judge one point, with ever more effort; the first runs to its end and says whether giving up pays at all.

    first: whether its effort is that of epochs; None: it is not the first.
    """
    states = optuna.trial.TrialState
    began, value, why, rungs = time.monotonic(), None, "", [RUNGS[-1]]
    try:
        if first is not None:
            value = objective(settings, RUNGS[-1])
            seconds = time.monotonic() - began
            if seconds > WORTH:
                rungs = list(RUNGS if first else SHARES)
                study.set_user_attr("rungs", rungs)
                for rung in rungs[:-1]:
                    trial.report(mean(objective(settings, rung)), rung)
            trial.report(mean(value), RUNGS[-1])
        else:
            seconds, rungs = 0.0, study.user_attrs.get("rungs", rungs)
            for rung in rungs:
                value = objective(settings, rung)
                trial.report(mean(value), rung)
                if rung < RUNGS[-1] and trial.should_prune():
                    value, why = None, f"given up after {rung}/{RUNGS[-1]} of the effort"
                    break
    except UserError as error:
        if first is not None:
            study.tell(trial, state=states.FAIL)
            raise
        value, why = None, str(error)
    done = Trial(trial.number, settings, float("nan") if value is None else mean(value),
                 seconds or time.monotonic() - began, value, why)  # fmt: skip
    if value is not None:
        with open(folder / f".{trial.number}.part", "wb") as out:
            np.save(out, value)
        (folder / f".{trial.number}.part").replace(folder / f"{trial.number}.npy")
    trial.set_user_attr("about", json.dumps({"settings": dict(settings), "seconds": done.seconds, "why": why}))
    study.tell(trial, *((None, states.PRUNED) if value is None else (done.mean,)))
    return done


def finished(study: Any, folder: Path) -> list[Trial]:
    """Return the trials of earlier calls of which all is known."""
    found = []
    for old in study.get_trials(deepcopy=False):
        if not old.state.is_finished() or "about" not in old.user_attrs:
            continue
        about = json.loads(old.user_attrs["about"])
        path = folder / f"{old.number}.npy"
        value = np.load(path) if not about["why"] and path.is_file() else None
        if value is not None or about["why"]:
            found.append(Trial(old.number, about["settings"], float("nan") if value is None else mean(value),
                               about["seconds"], value, about["why"]))  # fmt: skip
    return found


def mean(value: F64) -> float:
    """Return the mean of those that have a value."""
    return float(np.nanmean(value))


def expected(found: list[Trial]) -> float:
    """Return the seconds that a trial is likely to take: half of them take less; 0 before the first."""
    return float(np.median([one.seconds for one in found])) if found else 0.0


def asked(trial: Any, axes: Mapping[str, Axis]) -> dict[str, object]:
    """Return the point that the sampler proposes."""
    settings: dict[str, object] = {}
    for name, axis in axes.items():
        if isinstance(axis, Choices):
            settings[name] = axis.values[trial.suggest_categorical(name, list(range(len(axis.values))))]
            continue
        if axis.optional and trial.suggest_categorical(f"{name} is none", [False, True]):
            settings[name] = None
        elif axis.whole:
            settings[name] = trial.suggest_int(name, int(axis.low), int(axis.high), log=axis.log)
        else:
            settings[name] = float(f"{trial.suggest_float(name, axis.low, axis.high, log=axis.log):.4g}")
    return settings


def encoded(axes: Mapping[str, Axis], settings: Settings) -> dict[str, object]:
    """Return a point as `asked` has the study hold it."""
    point: dict[str, object] = {}
    for name, axis in axes.items():
        value = settings[name]
        if isinstance(axis, Choices):
            point[name] = axis.values.index(value)
        else:
            if axis.optional:
                point[f"{name} is none"] = value is None
            if value is not None:
                point[name] = value
    return point
