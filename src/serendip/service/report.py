"""The reports that a run leaves behind: what the data is like, and how the models compare."""

import json
from pathlib import Path

from serendip.config import Settings
from serendip.service import charts
from serendip.service.compare import Compared
from serendip.service.inspect import page
from serendip.service.inspect.sources import of_store
from serendip.store.project import Project
from serendip.store.store import Store


def write_reports(
    project: Project, store: Store, settings: Settings, compared: Compared
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write what the data is like and the leaderboard, as pages and JSON; return the pages and the data's advice."""
    data = of_store(store, project.root.resolve().name, settings.data.exclude_items, None)
    picture = charts.leaderboard(rows(compared), str(compared.board.primary))
    pages = {
        "data.html": page(data),
        "data.json": data.as_json(),
        "leaderboard.html": charts.html(picture),
        "leaderboard.svg": charts.svg(picture),
        "leaderboard.json": json.dumps(compared.plain(), indent=2),
    }
    for name, text in pages.items():
        (project.reports / name).write_text(text, encoding="utf-8")
    return tuple(project.reports / name for name in ("data.html", "leaderboard.html")), data.advice


def rows(compared: Compared) -> list[dict[str, object]]:
    """Return what the picture of a leaderboard is drawn from."""
    primary = compared.board.primary
    return [
        {
            "model": standing.report.algorithm,
            "mean": standing.report.estimates[primary].mean,
            "low": standing.report.estimates[primary].low,
            "high": standing.report.estimates[primary].high,
            "baseline": standing.report.algorithm == compared.board.baseline,
        }
        for standing in compared.board.standings
    ]
