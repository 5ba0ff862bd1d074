"""The main job: from files to slates, each step going on where it stopped."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from serendip.config import Settings
from serendip.data.readers import Columns, Reading, recognise
from serendip.data.readers.plan import Table
from serendip.errors import UserError
from serendip.models.contract import Run
from serendip.models.popular import Popular
from serendip.plural import counted
from serendip.service.answer import Slate
from serendip.service.compare import Compared, compare
from serendip.service.generate import generate
from serendip.service.ingest import Ingested, ingest_one
from serendip.service.open import opened
from serendip.service.portfolio import NothingToJudge, portfolio
from serendip.service.report import write_reports
from serendip.service.runs import keep
from serendip.service.settings import learned, settings_of, told_by, write_settings
from serendip.service.slate import slate
from serendip.service.train import train
from serendip.store.project import Project
from serendip.store.store import Store

SHOWN = 3  # slates that are printed


@dataclass(frozen=True)
class Ran:
    """What the main job came to. compared: None where nothing could be judged; note says why."""

    ingested: tuple[Ingested, ...]
    compared: Compared | None
    version: str
    n_slates: int
    slates: tuple[Slate, ...]
    advice: tuple[str, ...]
    reports: tuple[Path, ...]
    note: str = ""

    def plain(self) -> dict[str, object]:
        """Return it as JSON has it."""
        import msgspec

        return {
            "ingested": [one.plain() for one in self.ingested],
            "comparison": None if self.compared is None else self.compared.plain(),
            "note": self.note,
            "model": self.version,
            "users_with_slates": self.n_slates,
            "slates": [msgspec.to_builtins(slate) for slate in self.slates],
            "advice": list(self.advice),
            "reports": [str(path) for path in self.reports],
        }


Say = Callable[[str], None]


def run(
    project: Project,
    files: Sequence[Path],
    *,
    items: Path | None = None,
    users: Path | None = None,
    columns: Columns | None = None,
    reading: Reading | None = None,
    algorithms: Sequence[str] | None = None,
    how: Run = Run(),
    say: Say = print,
) -> Ran:
    """Ingest, inspect, compare, choose, fit on everything, publish, and write every user's slate.

    What is not given is what `serendip.toml` says. Every file is looked at, and every name, before the first is read.

    Raises:
        UserError: a file cannot be read, or there is nothing to learn from.
    """
    settings = settings_of(project)
    data = settings.data
    files = files or [project.root / name for name in data.files]
    if not files:
        raise UserError(f"name a file of events: serendip run FILE, or [data] files in {project.settings}")
    items = items or (project.root / data.items if data.items else None)
    users = users or (project.root / data.users if data.users else None)
    columns = told_by(columns or Columns(), settings)
    portfolio(settings, algorithms)
    plans = [(file, recognise(file, columns, reading)) for file in files]
    tables: tuple[tuple[Table, Path | None], ...] = ("items", items), ("users", users)
    for table, path in tables:
        if path is not None:
            plans.append((path, recognise(path, None, replace(reading or Reading(), table=table))))
    with project.store() as store:
        read = tuple(ingest_one(store, file, plan, how.progress) for file, plan in plans)
        for one in read:
            say(told(one))
        given = {name: text for name, text in vars(columns).items() if text is not None}
        named = replace(data, files=[beside(project, f) for f in files], items=beside(project, items),
                        users=beside(project, users), columns=given)  # fmt: skip
        write_settings(project, replace(settings, data=named))
        return from_store(project, store, settings, read, algorithms, how)


def beside(project: Project, file: Path | None) -> str:
    """Return the path of a file as `serendip.toml` has it: from the project's folder."""
    return "" if file is None else os.path.relpath(file, project.root)


def from_store(
    project: Project,
    store: Store,
    settings: Settings,
    read: tuple[Ingested, ...],
    algorithms: Sequence[str] | None,
    how: Run,
) -> Ran:
    """Go on from a filled store."""
    data, note = learned(store, settings), ""
    compared: Compared | None = None
    try:
        compared = compare(data, settings, algorithms=algorithms, run=how, keep=project.reports / "compared")
    except NothingToJudge as error:
        note = f"{error}; so popularity is chosen, unjudged"
    chosen = Popular() if compared is None else compared.chosen
    if compared is not None:
        keep(project, "compare", {"algorithms": algorithms}, data, settings, compared.plain(), how.seed)
    version = train(project, chosen, data, {} if compared is None else compared.plain(), how)
    reports, advice = write_reports(project, store, settings, compared)
    live = opened(project.root)
    try:
        done = store.recommendations_version() == version
        n = store.counts().recommended if done else generate(live, data, settings.serving.k, how.progress)
        activity = np.diff(data.offset)
        typical = np.argsort(np.abs(activity - np.median(activity[activity > 0])), kind="stable")[:SHOWN]
        slates = tuple(slate(live, data.users[int(u)], settings.serving.k, with_history=True) for u in typical)
    finally:
        live.store.close()
    return Ran(read, compared, version, n, slates, advice, reports, note)


def told(one: Ingested) -> str:
    """Return what became of a file, in a sentence or two."""
    if one.unchanged:
        return f"{one.source}: read before, nothing has changed ({counted(one.loaded, 'row')})"
    text = f"{one.plan}\n{one.source}: {counted(one.rows, 'row')}, {one.loaded:,} loaded"
    if one.plan.table == "events":
        text += f", {counted(one.new_events, 'new event')}"
        text += f", {one.repeated_events:,} known before" if one.repeated_events else ""
    if one.quarantined:
        why = ", ".join(f"{n:,} x {reason}" for reason, n in one.reasons)
        text += f"; {one.quarantined:,} in quarantine ({why})"
    return "\n".join([text, *(f"  {note}" for note in one.notes)])
