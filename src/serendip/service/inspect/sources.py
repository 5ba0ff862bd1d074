"""Where the data of a report comes from: files as they are, or what a project's store holds."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time

from serendip.config import Data
from serendip.data.readers import Columns, Reading
from serendip.models.contract import Progress
from serendip.service.ingest import Ingested, ingest
from serendip.service.inspect.report import DataReport, inspect
from serendip.service.settings import settings_of
from serendip.store.project import Project
from serendip.store.store import Store


def of_project(project: Project, now: int | None = None) -> DataReport:
    """Return the report on a project's store; now: ms since 1970, the clock where not given.

    Raises:
        UserError: there is no store, or it is damaged.
    """
    with project.store(create=False) as store:
        return of_store(store, str(project.root), settings_of(project).data, now)


def of_files(
    files: Sequence[Path],
    items: Path | None = None,
    users: Path | None = None,
    *,
    columns: Columns | None = None,
    progress: Progress | None = None,
    now: int | None = None,
) -> tuple[DataReport, list[Ingested]]:
    """Return the report on files, and how each was read; they go through a store in a temporary folder.

    columns: the user's word on the columns of `files`. Memory: that of ingesting and of the data set, whatever the
    size of the files; the temporary folder takes about twice the unpacked files.

    Raises:
        UserError: a file cannot be read, or its columns cannot be told.
    """
    with TemporaryDirectory(prefix="serendip-") as folder, Store.open(Path(folder) / "inspect.db") as store:
        read = ingest(store, files, columns=columns, progress=progress)
        for path, reading in ((items, Reading(table="items")), (users, Reading(table="users"))):
            if path is not None:
                read += ingest(store, [path], reading=reading, progress=progress)
        return of_store(store, ", ".join(path.name for path in files), Data(), now), read


def of_store(store: Store, name: str, settings: Data, now: int | None) -> DataReport:
    """Return the report on a store."""
    moment = round(time() * 1000) if now is None else now
    return inspect(store.dataset(), now=moment, quarantine=store.quarantined(), settings=settings, name=name)
