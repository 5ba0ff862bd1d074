"""The reports that a run leaves behind: what the data is like, and how the models compare."""

import time
from math import isnan
from pathlib import Path

import msgspec
from markupsafe import Markup

from serendip.config import Settings
from serendip.service import charts
from serendip.service.compare import Compared
from serendip.service.html import rendered
from serendip.service.inspect import page
from serendip.service.inspect.report import day
from serendip.service.inspect.sources import of_store
from serendip.service.whole import write_whole
from serendip.store.project import Project
from serendip.store.store import Store


def write_reports(
    project: Project, store: Store, settings: Settings, compared: Compared | None
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write what the data is like and the leaderboard, as pages and JSON; return the pages and the data's advice."""
    data = of_store(store, project.name, settings.data, None)
    files = {"data.html": page(data), "data.json": data.as_json()}
    if compared is not None:
        files |= {
            "leaderboard.html": leaderboard(compared, data.name),
            "leaderboard.svg": charts.svg(picture(compared)),
            "leaderboard.json": msgspec.json.format(msgspec.json.encode(compared.plain()), indent=2).decode(),
        }
    for name, text in files.items():
        write_whole(project.reports / name, text)
    return tuple(project.reports / name for name in files if name.endswith(".html")), data.advice


def drawn(compared: Compared, suffix: str, name: str) -> str | bytes:
    """Return the leaderboard of a project by its name: a page for .html, a picture for .svg and .png."""
    if suffix == ".html":
        return leaderboard(compared, name)
    return charts.png(picture(compared)) if suffix == ".png" else charts.svg(picture(compared))


def leaderboard(compared: Compared, name: str) -> str:
    """Return the leaderboard as a page: who is chosen and why, the picture, and all figures."""
    board, figures = compared.board, []
    for standing in board.standings:
        r, c = standing.report, standing.against
        main, *others = r.estimates.values()
        beside = [standing.verdict, ""]
        if c is not None:
            beside = [f"{c.difference:+.4f} ({c.low:+.4f} to {c.high:+.4f})", f"{c.p_corrected:.4f}"]
        figures.append([
            r.algorithm, f"{main.mean:.4f} ({main.low:.4f} to {main.high:.4f})", *beside,
            *("-" if isnan(e.mean) else f"{e.mean:.4f}" for e in others), f"{r.fit_seconds:.2f} s",
        ])  # fmt: skip
    first = board.standings[0].report
    primary, *metrics = map(str, first.estimates)
    today = day(round(time.time() * 1000))
    values = {
        "name": name, "made": today, "board": board, "first": first, "chosen": compared.chosen.name,
        "sentences": [compared.verdict, *compared.warnings, *compared.findings],
        "chart": Markup(charts.svg(picture(compared))),
        "columns": ["model", primary, f"beside {board.baseline}", "p", *metrics, "fit"],
        "rows": figures, "split": compared.contest.parts.name,
    }  # fmt: skip
    return rendered("leaderboard.html.j2", values)


def picture(compared: Compared) -> charts.Spec:
    """Return the models by the primary metric with their intervals."""
    primary = compared.board.primary
    rows: list[dict[str, object]] = [
        {
            "model": standing.report.algorithm,
            "mean": standing.report.estimates[primary].mean,
            "low": standing.report.estimates[primary].low,
            "high": standing.report.estimates[primary].high,
            "baseline": standing.report.algorithm == compared.board.baseline,
        }
        for standing in compared.board.standings
    ]
    return charts.leaderboard(rows, str(primary))
