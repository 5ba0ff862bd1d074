"""Train anew when it is due, and let the new model serve only where it is beyond doubt no worse.

Several schedulers may run: a lease in the store lets one at a time work, and none publish whose lease has ended.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from serendip.config import Settings
from serendip.errors import UserError
from serendip.models.contract import Algorithm, Run
from serendip.plural import counted
from serendip.service.catalogue import Catalogue
from serendip.service.duel import Duel, configured, duel
from serendip.service.portfolio import portfolio
from serendip.service.publish import proved
from serendip.service.settings import learned
from serendip.service.train import fitted
from serendip.store.artefacts import about, load
from serendip.store.lease import Lease, Lost
from serendip.store.project import Project
from serendip.store.store import Store

LEASE = "schedule"
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
KEPT = "schedule.jsonl"  # in reports/


@dataclass(frozen=True)
class Decision:
    """What came of one round. at: seconds since 1970; arrived: events that had come in; numbers: of the duel."""

    at: float
    arrived: int
    why: str  # it was due
    current: str | None
    new: str | None  # the version that serves now, None where the current one goes on
    verdict: str
    numbers: dict[str, object] | None = None


def seconds(text: str) -> float | None:
    """Return a time such as 90s, 30m, 6h or 7d in seconds, None where there is none.

    Raises:
        UserError: it is no such time.
    """
    if not text.strip():
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd])\s*", text)
    if found is None or not float(found[1]):
        raise UserError(f"[schedule] every is a time such as 90s, 30m, 6h or 7d, not {text!r}")
    return float(found[1]) * UNITS[found[2]]


def decisions(project: Project) -> list[Decision]:
    """Return what was decided so far, the oldest first."""
    path = project.reports / KEPT
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            found.append(Decision(**json.loads(line)))
        except (ValueError, TypeError):  # cut off while it was written
            continue
    return found


def due(project: Project, store: Store, settings: Settings) -> str | None:
    """Return why a new model is due, None where none is.

    Raises:
        UserError: the time in the settings is none.
    """
    every, after = seconds(settings.schedule.every), settings.schedule.events
    current, made = project.current(), decisions(project)
    if current is None:
        return "no model serves yet"
    if made:
        last, seen = made[-1].at, made[-1].arrived
    else:
        told = project.model(current) / "model.json"
        last, seen = told.stat().st_mtime, int(about(project.model(current)).get("n_events") or 0)
    new, age = store.arrived() - seen, time.time() - last
    if after and new >= after:
        return f"{counted(new, 'new event')}"
    if every is not None and not 0 <= age < every:  # a time in the future is that of a wrong clock
        return f"{age / 3600:,.1f} hours since the last time"
    return None


def once(
    project: Project, store: Store, settings: Settings, why: str | None = None, run: Run = Run()
) -> Decision | None:
    """Do one round where it is due, or `why` says so, and nobody else does; return what was decided.

    Raises:
        UserError: there is nothing to learn from or to judge by.
        Lost: this process was held up for so long that another took its place: it has published nothing.
    """
    lease = store.lease(LEASE, settings.schedule.lease)
    if (why or due(project, store, settings)) is None or not lease.take():
        return None
    try:
        why = why or due(project, store, settings)  # another may have done it just now
        if why is None:
            return None
        with renewed(lease):
            made = decide(project, store, settings, lease, why, run)
        return made
    finally:
        lease.release()


def decide(project: Project, store: Store, settings: Settings, lease: Lease, why: str, run: Run) -> Decision:
    """Fit, judge and, where it is no worse, publish."""
    arrived, current = store.arrived(), project.current()
    data = learned(store, settings)
    fought: Duel | None = None
    if current is None:
        new = portfolio(settings, [settings.schedule.algorithm or "popular"])[-1]
        verdict = f"{new.name} serves: nothing did before"
    else:
        told = about(project.model(current))
        new = challenger(settings, configured(told))
        fought = duel(data, settings, load(project.model(current)), told, new, run)
        better = fought.no_worse(settings.schedule.tolerance)
        verdict = f"{new.name} {'serves' if better else 'does not serve'}: {fought.sentence()}"
        if not better:
            return kept(project, lease, Decision(time.time(), arrived, why, current, None, verdict, fought.plain()))
    numbers = None if fought is None else fought.plain()
    version = fitted(project, new, data, {} if fought is None else reported(fought, new), run)
    proved(project, version, Catalogue(store))
    return kept(project, lease, Decision(time.time(), arrived, why, current, version, verdict, numbers))


def challenger(settings: Settings, current: Algorithm) -> Algorithm:
    """Return what the settings name, with their hyperparameters; the current algorithm as it is where they do not."""
    named = settings.schedule.algorithm
    return portfolio(settings, [named])[-1] if named and named != current.name else current


def reported(fought: Duel, new: Algorithm) -> dict[str, object]:
    """Return the report that the new model carries."""
    row = fought.new.plain() | {"algorithm": new.name}
    return {"primary": str(fought.metric), "chosen": new.name, "split": fought.split, "results": [row],
            "against_current": fought.plain()}  # fmt: skip


def kept(project: Project, lease: Lease, made: Decision) -> Decision:
    """Publish what was decided, and note it, while nobody else can hold the lease.

    Raises:
        Lost: somebody else has taken the lease; nothing is published or noted.
    """
    with lease.held():
        if made.new is not None:
            project.publish(made.new, f"schedule: {made.verdict}")
        with open(project.reports / KEPT, "a", encoding="utf-8") as out:
            out.write(json.dumps(asdict(made), ensure_ascii=False) + "\n")
    return made


@contextmanager
def renewed(lease: Lease) -> Iterator[None]:
    """Hold a lease on while something long is done."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(lease.seconds / 3):
            try:
                lease.renew()
            except Lost:
                return  # `held` will say so
            except UserError:  # the store is taken: there is time for two more attempts
                continue

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
