"""Read files into the store: each event once, whatever is repeated; bad rows to the quarantine; nothing in silence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from serendip.data.readers import Columns, Plan, Query, Reading, read, recognise
from serendip.data.tables import EVENT_SCHEMA, Tables
from serendip.models.contract import Progress
from serendip.store.files import File
from serendip.store.store import Store

HASHED = 1 << 20  # bytes hashed at once


@dataclass(frozen=True)
class Ingested:
    """What became of one source. rows = loaded + quarantined; of the loaded ones some may be there already."""

    source: str
    plan: Plan
    rows: int = 0
    loaded: int = 0
    quarantined: int = 0
    new_events: int = 0
    repeated_events: int = 0
    unchanged: bool = False  # the same content was read to its end before
    reasons: tuple[tuple[str, int], ...] = ()  # of the quarantine, the commonest first
    notes: tuple[str, ...] = ()

    def plain(self) -> dict[str, object]:
        """Return it as JSON has it."""
        kept = ("source", "rows", "loaded", "quarantined", "new_events", "repeated_events", "unchanged")
        return {name: getattr(self, name) for name in kept} | {
            "reasons": dict(self.reasons),
            "notes": list(self.notes),
            "plan": self.plan.as_dict(),
        }


def ingest(
    store: Store,
    sources: Sequence[Any],
    *,
    columns: Columns | None = None,
    reading: Reading | None = None,
    progress: Progress | None = None,
) -> list[Ingested]:
    """Read paths, frames or queries into the store, in this order; all are recognised before the first is read.

    Raises:
        UserError: a source cannot be read, or a column cannot be told; nothing is read then.
    """
    plans = [recognise(source, columns, reading) for source in sources]
    return [ingest_one(store, source, plan, progress) for source, plan in zip(sources, plans, strict=True)]


def ingest_one(store: Store, source: Any, plan: Plan, progress: Progress | None = None) -> Ingested:
    """Read one source by its plan."""
    digest = content(source, plan)
    before = store.file(digest) if digest else None
    if before is not None and before.finished:
        return Ingested(str(plan.source), plan, before.rows, before.loaded, before.quarantined, unchanged=True,
                        repeated_events=before.loaded if plan.table == "events" else 0)  # fmt: skip
    rows = loaded = bad = 0
    reasons: dict[str, int] = {}
    notes: tuple[str, ...] = ()
    name = Path(plan.source).name
    with store.bulk() as load:
        load.anew(str(plan.source))
        for batch in read(plan):
            rows, loaded, bad = rows + batch.rows, loaded + batch.loaded, bad + len(batch.quarantine)
            for reason, n in batch.quarantine["reason"].value_counts().iter_rows():
                reasons[reason] = reasons.get(reason, 0) + n
            notes += batch.notes
            file = File(digest, str(plan.source), rows, loaded, bad) if digest else None
            load.add(Tables(batch.events, batch.items, batch.users), file, batch.quarantine)
            if progress is not None and batch.bytes_total:
                progress(f"reading {name}, MB", batch.bytes_done >> 20, max(batch.bytes_total >> 20, 1))
        if digest:
            load.add(Tables(EVENT_SCHEMA.to_frame()), File(digest, str(plan.source), rows, loaded, bad, finished=True))
    ranked = tuple(sorted(reasons.items(), key=lambda one: (-one[1], one[0])))
    total = load.total
    return Ingested(str(plan.source), plan, rows, loaded, bad, total.new, total.repeated, reasons=ranked, notes=notes)


def content(source: Any, plan: Plan) -> str:
    """Return the SHA-256 of a file and of how it is read; '' for what is no file."""
    if not isinstance(source, (str, Path)) or isinstance(source, Query):
        return ""
    digest = sha256(repr(sorted(replace(plan, source="", notes=()).as_dict().items())).encode())
    with open(source, "rb") as file:
        while block := file.read(HASHED):
            digest.update(block)
    return digest.hexdigest()
