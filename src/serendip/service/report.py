"""The reports that a run leaves behind: what the data is like, and how the models compare."""

from pathlib import Path

import msgspec

from serendip.config import Settings
from serendip.service import charts
from serendip.service.compare import Compared
from serendip.service.inspect import page
from serendip.service.inspect.sources import of_store
from serendip.service.whole import write_whole
from serendip.store.project import Project
from serendip.store.store import Store


def write_reports(
    project: Project, store: Store, settings: Settings, compared: Compared | None
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Write what the data is like and the leaderboard, as pages and JSON; return the pages and the data's advice."""
    data = of_store(store, project.root.resolve().name, settings.data.exclude_items, None)
    files = {"data.html": page(data), "data.json": data.as_json()}
    if compared is not None:
        picture = charts.leaderboard(rows(compared), str(compared.board.primary))
        files |= {
            "leaderboard.html": charts.html(picture),
            "leaderboard.svg": charts.svg(picture),
            "leaderboard.json": msgspec.json.format(msgspec.json.encode(compared.plain()), indent=2).decode(),
        }
    for name, text in files.items():
        write_whole(project.reports / name, text)
    return tuple(project.reports / name for name in files if name.endswith(".html")), data.advice


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
