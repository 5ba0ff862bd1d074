"""Judge a portfolio on one split of a data set: a leaderboard with intervals, resumed where it stopped."""

import io
import json
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from serendip import __version__
from serendip.config import Settings
from serendip.data.dataset import Dataset
from serendip.errors import UserError
from serendip.evaluation.comparison import Leaderboard, leaderboard
from serendip.evaluation.measured import Measured, UserMean, Whole
from serendip.evaluation.memory import PeakMemory
from serendip.evaluation.protocol import judge
from serendip.evaluation.report import Report, report
from serendip.metrics.name import Metric, parse
from serendip.models.contract import Algorithm, Model, Predicts, Run
from serendip.pipeline.pipeline import Pipeline
from serendip.service.portfolio import Contest, contest, portfolio
from serendip.service.settings import primary
from serendip.service.whole import write_whole


@dataclass(frozen=True)
class Compared:
    """The leaderboard of a contest; left_out: algorithms that the data cannot feed, and why; ratings: RMSE and MAE."""

    contest: Contest
    board: Leaderboard
    algorithms: tuple[Algorithm, ...]
    left_out: tuple[tuple[str, str], ...]
    ratings: tuple[Report, ...]

    @property
    def chosen(self) -> Algorithm:
        """The algorithm that leads beyond doubt, popular where none does."""
        name = self.board.chosen.report.algorithm
        return next(a for a in self.algorithms if a.name == name)

    @property
    def warnings(self) -> list[str]:
        """What to know before the figures are read: how the split was made, and what leaks across it."""
        note = [f"Note: {self.contest.note}."] if self.contest.note else []
        return note + [f"Warning: {leak}." for leak in self.contest.leaks]

    @property
    def findings(self) -> list[str]:
        """Who serves users without a history best, how well ratings are predicted, what was left out."""
        found, metric = [], self.board.primary
        if self.board.standings[0].report.n_cold:
            cold = {s.report.algorithm: s.report.cold[metric].mean for s in self.board.standings if s.report.cold}
            best = max(cold, key=lambda name: cold[name])
            found.append(
                f"Users without a history: {metric} {cold[best]:.4f} ({best}), {cold['popular']:.4f} (popular)."
            )
        if self.ratings:
            said = (" ".join([r.algorithm, *(f"{m} {e.mean:.3f}" for m, e in r.estimates.items())])
                    for r in self.ratings)  # fmt: skip
            found.append(f"Ratings predicted: {', '.join(said)}.")
        return found + [f"Left out: {why}" if why.startswith(name) else f"Left out: {name}: {why}"
                        for name, why in self.left_out]  # fmt: skip

    @property
    def verdict(self) -> str:
        """Which is chosen, and how sure that is."""
        c = self.board.chosen.against
        if c is None:
            return "Nothing beats popularity beyond doubt, so popularity is chosen."
        return (
            f"Chosen: {self.chosen.name}: {self.board.primary} {c.difference:+.4f} over popular ({c.low:+.4f} to "
            f"{c.high:+.4f}), p = {c.p_corrected:.4f}: paired by user, corrected for {len(self.board.standings) - 1} "
            "models."
        )

    def plain(self) -> dict[str, object]:
        """Return it as JSON has it."""
        rows = []
        for standing in self.board.standings:
            against = standing.against
            row = standing.report.plain() | {"beyond_doubt": standing.beyond_doubt}
            row["cold_users"] = {
                str(m): {"mean": None if np.isnan(e.mean) else e.mean} for m, e in standing.report.cold.items()
            }
            if against is not None:
                row["against_popular"] = {
                    "difference": against.difference, "ci95": [against.low, against.high], "p": against.p_corrected,
                }  # fmt: skip
            rows.append(row)
        return {
            "primary": str(self.board.primary),
            "chosen": self.chosen.name,
            "split": self.contest.parts.name,
            "note": self.contest.note,
            "leaks": [{"kind": leak.kind, "count": leak.count, "of": leak.of, "sentence": leak.sentence}
                      for leak in self.contest.leaks],
            "n_test_users": self.contest.n_test,
            "n_warm_test_users": self.contest.n_warm,
            "results": rows,
            "left_out": dict(self.left_out),
            "ratings": [r.plain() for r in self.ratings],
        }  # fmt: skip


def compare(
    data: Dataset,
    settings: Settings,
    *,
    algorithms: Sequence[str] | None = None,
    run: Run = Run(),
    keep: Path | None = None,
) -> Compared:
    """Judge each algorithm of the portfolio with popular behind it, as it would serve.

    One that is made to predict ratings is judged by these alone, and not put on the leaderboard.

    keep: a folder where each finished report is kept, so that an interrupted comparison goes on.

    Raises:
        UserError: nothing can be withheld, or a name in the settings is not known.
    """
    wanted = portfolio(settings, algorithms)
    chosen = contest(data, settings)
    metrics = tuple(dict.fromkeys([primary(settings), *(parse(name) for name in settings.evaluation.metrics)]))
    quiet = replace(run, progress=None)
    fallback = wanted[0].fit(chosen.task.train, run=quiet)
    reports: list[Report] = []
    ratings: list[Report] = []
    left_out = []
    for n, algorithm in enumerate(wanted):
        run.report("comparing algorithms", n, len(wanted))
        kept = None if keep is None else Kept(keep, chosen, metrics, algorithm, run.seed)
        done = None if kept is None else kept.read()
        if done is None:
            try:
                done = one(algorithm, chosen, metrics, fallback, quiet)
            except UserError as error:
                if algorithm.name == "popular":
                    raise
                left_out.append((algorithm.name, str(error)))
                continue
            if kept is not None:
                kept.write(done)
        if algorithm.ranks:
            reports.append(done[0])
        ratings += done[1:]
    run.report("comparing algorithms", len(wanted), len(wanted))
    board = leaderboard(reports, metrics[0], seed=run.seed)
    return Compared(chosen, board, tuple(wanted), tuple(left_out), tuple(ratings))


RATINGS = (Metric("rmse"), Metric("mae"))
DAMAGED = (OSError, EOFError, ValueError, LookupError, TypeError, BadZipFile, zlib.error, UserError)


def one(algorithm: Algorithm, chosen: Contest, metrics: Sequence[Metric], fallback: Model, run: Run) -> list[Report]:
    """Return the report of one algorithm, and where it predicts ratings and the data has them, that of these too."""
    task = chosen.task
    with PeakMemory() as peak:
        start = time.perf_counter()
        model = algorithm.fit(task.train, run=run)
        fitted = time.perf_counter()
        found = judge(Pipeline(model, fallback), task, metrics, name=algorithm.name)
        judged = time.perf_counter()
    times = fitted - start, judged - fitted, peak.mb
    reports = [report(algorithm.name, algorithm.settings(), found, task, *times, run.seed)]
    if isinstance(model, Predicts) and chosen.rated is not None:
        rated = judge(model, chosen.rated, RATINGS, name=algorithm.name)
        reports.append(report(algorithm.name, algorithm.settings(), rated, chosen.rated, *times, run.seed))
    return reports


class Kept:
    """The reports of one algorithm in one contest as a file, named by a hash of all that they depend on."""

    def __init__(
        self, folder: Path, chosen: Contest, metrics: Sequence[Metric], algorithm: Algorithm, seed: int
    ) -> None:
        data, asked = chosen.task.train.fingerprint, blake2b(chosen.task.relevant.item.tobytes()).hexdigest()
        names, settings = [str(metric) for metric in metrics], sorted(algorithm.settings().items())
        depends = repr((__version__, data, asked, names, algorithm.name, settings, seed)).encode()
        self.path = folder / f"{algorithm.name}-{blake2b(depends, digest_size=8).hexdigest()}.npz"
        self.algorithm, self.tasks, self.seed = algorithm, (chosen.task, chosen.rated), seed

    def write(self, reports: Sequence[Report]) -> None:
        """Keep reports whose metrics can be kept: a value a user, or one number."""
        arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {}
        about = []
        for r, one_report in enumerate(reports):
            for metric, found in one_report.measured.items():
                if isinstance(found, Whole):
                    arrays[f"{r} {metric} whole"] = np.array([found.value])
                elif isinstance(found, UserMean) and (found.transform is None or found.transform is np.sqrt):
                    arrays[f"{r} {metric} {'root' if found.transform else 'mean'}"] = found.value
                    if found.weight is not None:
                        arrays[f"{r} {metric} weight"] = found.weight
                else:
                    return
            about.append([one_report.fit_seconds, one_report.evaluate_seconds, one_report.peak_memory_mb])
        out = io.BytesIO()
        np.savez_compressed(out, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
        write_whole(self.path, out.getvalue())

    def read(self) -> list[Report] | None:
        """Return what was kept, None where nothing was or the file is damaged."""
        if not self.path.is_file():
            return None
        try:
            with self.path.open("rb") as raw, np.load(raw) as file:
                about = json.loads(str(file["about"]))
                measured: list[dict[Metric, Measured]] = [{} for _ in about]
                for name in file.files:
                    number, _, rest = name.partition(" ")
                    text, _, kind = rest.partition(" ")
                    if kind == "whole":
                        measured[int(number)][parse(text)] = Whole(float(file[name][0]), len(self.tasks[0]))
                    elif kind in ("mean", "root"):
                        weight = f"{number} {text} weight"
                        weighed = file[weight] if weight in file.files else None
                        root = np.sqrt if kind == "root" else None
                        measured[int(number)][parse(text)] = UserMean(file[name], weighed, root)
            return [
                report(self.algorithm.name, self.algorithm.settings(), found, task, fit, judging, memory, self.seed)
                for found, (fit, judging, memory), task in zip(measured, about, self.tasks, strict=False)
                if task is not None
            ]
        except DAMAGED:
            return None
