"""The registry of a project's models: which there are, what they were found to be worth, and two side by side."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from serendip.errors import UserError
from serendip.models.contract import Run
from serendip.service.answer import Judged, ModelVersion, SideBySide
from serendip.service.duel import Duel, configured, duel
from serendip.service.settings import learned, settings_of
from serendip.store.artefacts import about, load
from serendip.store.project import Project


def versions(project: Project) -> list[ModelVersion]:
    """Return every version, the newest first."""
    current = project.current()
    return [card(project, version, version == current) for version in reversed(project.versions())]


def card(project: Project, version: str, current: bool) -> ModelVersion:
    """Return what is known of a version; one whose model.json is damaged is named with its fault."""
    directory = project.model(version)
    made = datetime.strptime(version[:15], "%Y%m%dT%H%M%S")
    shown = ModelVersion(version, "", current, f"{made:%Y-%m-%dT%H:%M:%SZ}", "")
    try:
        told = about(directory)
    except UserError as error:
        shown.fault = str(error)
        return shown
    shown.algorithm, shown.data, shown.n_events = (
        told.get("algorithm") or "?",
        told.get("data") or "",
        told.get("n_events"),
    )
    shown.form = (told.get("compressed") or {}).get("to")
    shown.megabytes = round(sum(path.stat().st_size for path in directory.iterdir()) / 1e6, 3)
    report = told.get("report") or {}
    shown.metric = report.get("primary", report.get("metric"))  # of a comparison, of an automatic choice
    found = metrics_of(told).get(shown.metric or "", {})
    shown.value, shown.ci95 = found.get("mean"), found.get("ci95")
    return shown


def metrics_of(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the metrics of a model's own algorithm in the report that it carries, by name."""
    rows = (told.get("report") or {}).get("results") or []
    return next((dict(row["metrics"]) for row in rows if row.get("algorithm") == told.get("algorithm")), {})


def compare(project: Project, a: str, b: str) -> SideBySide:
    """Return what the reports of two versions say.

    Raises:
        UserError: there is none of a name.
    """
    known, current = project.versions(), project.current()
    for version in (a, b):
        if version not in known:
            project.publish(version)  # says which there are
    one, other = about(project.model(a)), about(project.model(b))
    left, right = metrics_of(one), metrics_of(other)
    rows = [
        Judged(name, left.get(name, {}).get("mean"), left.get(name, {}).get("ci95"), right.get(name, {}).get("mean"),
               right.get(name, {}).get("ci95"))
        for name in dict.fromkeys([*left, *right])
    ]  # fmt: skip
    note = None
    if not left or not right:
        note = f"{a if not left else b} was never judged"
    elif one.get("data") != other.get("data"):
        note = "they were judged on different data"
    return SideBySide(card(project, a, a == current), card(project, b, b == current), rows, note)


def judge(project: Project, a: str, b: str, run: Run = Run()) -> Duel:
    """Judge two versions' algorithms on what the settings withhold of the data as it is now, paired by user.

    Raises:
        UserError: there is none of a name, or nothing can be withheld.
    """
    settings = settings_of(project)
    with project.store(create=False) as store:
        data = learned(store, settings)
    one, other = about(project.model(a)), about(project.model(b))
    return duel(data, settings, load(project.model(a)), one, configured(other), replace(run, progress=None))
