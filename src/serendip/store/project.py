"""Where a project keeps things: one directory with the settings, the store, the models and the reports."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from serendip.config import read
from serendip.errors import NotFound, UserError, nearest
from serendip.store.journal import before, note, publications
from serendip.store.store import Store

VERSION = re.compile(r"\d{8}T\d{9}Z-[0-9a-f]{8}")  # UTC to the millisecond, then a hash


@dataclass(frozen=True)
class Project:
    """serendip.toml, serendip.db, models/<version>/, models/current (the version that serves),
    models/published.jsonl (what was published when and why), reports/, runs/."""

    root: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.root.resolve().name

    @property
    def settings(self) -> Path:
        """What the project decides."""
        return self.root / "serendip.toml"

    @property
    def database(self) -> Path:
        """The file of the store."""
        return self.root / "serendip.db"

    @property
    def reports(self) -> Path:
        """Where reports are written."""
        return self.root / "reports"

    @property
    def models(self) -> Path:
        """Where each model has a directory of its own."""
        return self.root / "models"

    @property
    def runs(self) -> Path:
        """Where each run that measured something has a directory of its own."""
        return self.root / "runs"

    @property
    def tuning(self) -> Path:
        """Where the trials of `tune` are, so that a search goes on."""
        return self.root / "tuning"

    def make(self) -> "Project":
        """Make the directories that are missing.

        Raises:
            UserError: they cannot be made.
        """
        try:
            for directory in (self.root, self.models, self.reports):
                directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"the project {self.root} cannot be made: {error.strerror or error}") from error
        return self

    def store(self, create: bool = True) -> Store:
        """Open the store: where `[storage] url` says, else the file in this folder.

        Raises:
            UserError: as `Store.open`, or the settings cannot be read.
        """
        url = read(self.settings).storage.url if self.settings.is_file() else ""
        if create:
            self.make()
        if url and not url.startswith(("postgresql://", "postgres://")):
            raise UserError(f"[storage] url is written postgresql://user@host/name, and {url!r} is not")
        return Store.open(url or self.database, create)

    def new_version(self, content: str) -> str:
        """Return a name for a model about to be saved: the time, so that names sort by age, and a hash of `content`."""
        now = datetime.now(UTC)
        digest = blake2b(f"{content} {now.isoformat()} {os.getpid()}".encode(), digest_size=4).hexdigest()
        return f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z-{digest}"

    def model(self, version: str) -> Path:
        """Return the directory of a version.

        Raises:
            UserError: that is no name of a version.
        """
        if not VERSION.fullmatch(version):
            raise NotFound(f"{version!r} is no version of a model{nearest(version, self.versions())}")
        return self.models / version

    def versions(self) -> list[str]:
        """Return the versions of which there is a whole model, oldest first."""
        if not self.models.is_dir():
            return []
        return sorted(
            d.name for d in self.models.iterdir() if VERSION.fullmatch(d.name) and (d / "model.json").is_file()
        )

    def publish(self, version: str, why: str = "", *, instead_of: str | None = None) -> bool:
        """Make a version the one that serves, in one step; publishing an older one is a rollback.

        why: for the journal. instead_of: do nothing and return False where another version than this serves by now.

        Raises:
            UserError: there is no such version.
        """
        if version not in self.versions():
            raise NotFound(f"there is no model {version!r} in {self.models}{nearest(version, self.versions())}")
        with self._alone() as folder:
            current = self.current()
            if instead_of is not None and current != instead_of:
                return False
            if current != version:
                note(self.journal, version, why, current)
            staging = self.models / f".current.{os.getpid()}"
            with open(staging, "w", encoding="utf-8") as out:
                out.write(version + "\n")
                out.flush()
                os.fsync(out.fileno())
            staging.replace(self.models / "current")
            os.fsync(folder)
        return True

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """One publication at a time, among all processes; the lock ends with whoever holds it."""
        folder = os.open(self.models, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield folder
        finally:
            os.close(folder)

    @property
    def journal(self) -> Path:
        """What was published when and why."""
        return self.models / "published.jsonl"

    def previous(self) -> str | None:
        """Return the version that served before the current one, None where there is none or it is gone."""
        version = before(publications(self.journal), self.current())
        return version if version in self.versions() else None

    def prune(self, keep: int) -> list[str]:
        """Remove old models, runs, searches and kept comparisons; return the versions of the models.

        keep: how many stay of each, the newest (of comparisons one an algorithm, so ten times as many); 0: all. The
        model that serves and the one before it stay in any case, so that going back is possible.
        """
        if keep <= 0:
            return []
        serving = (self.current(), self.previous())
        old = [version for version in self.versions()[:-keep] if version not in serving]
        runs = [run for run in newest_last(self.runs) if VERSION.fullmatch(run.name)]
        gone = [*(self.model(version) for version in old), *runs[:-keep], *newest_last(self.tuning)[:-keep]]
        for directory in gone:
            shutil.rmtree(directory, ignore_errors=True)
        for report in newest_last(self.reports / "compared")[: -10 * keep]:
            report.unlink(missing_ok=True)
        return old

    def current(self) -> str | None:
        """Return the version that serves, None before the first."""
        path = self.models / "current"
        if not path.is_file():
            return None
        version = path.read_text(encoding="utf-8").strip()
        return version if version in self.versions() else None


def newest_last(folder: Path) -> list[Path]:
    """Return what is in a folder by when it was last changed; nothing where there is no folder."""
    found = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))
