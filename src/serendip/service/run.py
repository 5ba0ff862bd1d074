"""The main job: from files to slates, each step going on where it stopped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from serendip.config import Settings
from serendip.data.readers import Columns, Reading
from serendip.models.contract import Run
from serendip.service.answer import Slate
from serendip.service.compare import Compared, compare
from serendip.service.generate import generate
from serendip.service.ingest import Ingested, ingest
from serendip.service.open import opened
from serendip.service.report import write_reports
from serendip.service.settings import learned, settings_of, write_settings
from serendip.service.train import train
from serendip.store.project import Project
from serendip.store.store import Store

SHOWN = 3  # slates that are printed


@dataclass(frozen=True)
class Ran:
    """What the main job came to."""

    ingested: tuple[Ingested, ...]
    compared: Compared
    version: str
    n_slates: int
    slates: tuple[Slate, ...]
    advice: tuple[str, ...]
    reports: tuple[Path, ...]

    def plain(self) -> dict[str, object]:
        """Return it as JSON has it."""
        import msgspec

        return {
            "ingested": [one.plain() for one in self.ingested],
            "comparison": self.compared.plain(),
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

    Raises:
        UserError: a file cannot be read, or there is nothing to learn from.
    """
    project.make()
    settings = settings_of(project)
    with project.store() as store:
        read = [*ingest(store, list(files), columns=columns, reading=reading, progress=how.progress)]
        for table, path in (("items", items), ("users", users)):
            if path is not None:
                about = replace(reading or Reading(), table=table)  # type: ignore[arg-type]
                read += ingest(store, [path], reading=about, progress=how.progress)
        for one in read:
            say(told(one))
        named = replace(settings.data, files=[str(f) for f in files], items=str(items or ""), users=str(users or ""))
        write_settings(project, replace(settings, data=named))
        return from_store(project, store, settings, tuple(read), algorithms, how)


def from_store(
    project: Project,
    store: Store,
    settings: Settings,
    read: tuple[Ingested, ...],
    algorithms: Sequence[str] | None,
    how: Run,
) -> Ran:
    """Go on from a filled store."""
    data = learned(store, settings)
    compared = compare(data, settings, algorithms=algorithms, run=how, keep=project.reports / "compared")
    version = train(project, compared.chosen, data, compared.plain(), how)
    reports, advice = write_reports(project, store, settings, compared)
    recommender = opened(project.root)
    try:
        done = store.recommendations_version() == version
        n = store.counts().recommended if done else generate(recommender, data, settings.serving.k, how.progress)
        activity = np.diff(data.offset)
        typical = np.argsort(np.abs(activity - np.median(activity[activity > 0])), kind="stable")[:SHOWN]
        slates = tuple(recommender.slate(data.users[int(u)], settings.serving.k, with_history=True) for u in typical)
    finally:
        recommender.store.close()
    return Ran(read, compared, version, n, slates, advice, reports)


def told(one: Ingested) -> str:
    """Return what became of a file, in a sentence or two."""
    if one.unchanged:
        return f"{one.source}: read before, nothing has changed ({one.loaded:,} rows)"
    text = f"{one.plan}\n{one.source}: {one.rows:,} rows, {one.loaded:,} loaded"
    if one.plan.table == "events":
        text += f", {one.new_events:,} new events"
        text += f", {one.repeated_events:,} known before" if one.repeated_events else ""
    if one.quarantined:
        why = ", ".join(f"{n:,} {reason}" for reason, n in one.reasons)
        text += f"; {one.quarantined:,} in quarantine ({why})"
    return "\n".join([text, *(f"  {note}" for note in one.notes)])
