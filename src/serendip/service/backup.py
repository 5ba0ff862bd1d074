"""A project in one file, and back: the store as it is at one moment, the settings, and the model that serves."""

import hashlib
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO

from serendip import __version__
from serendip.config import read
from serendip.errors import UserError
from serendip.models.contract import Progress
from serendip.plural import counted
from serendip.store import backup as stores
from serendip.store.artefacts import load
from serendip.store.project import VERSION, Project
from serendip.store.store import Store

FORMAT = 1
CONTENTS, STORE, SETTINGS, MODELS = "contents.json", "store.db", "serendip.toml", "models"
BLOCK = 1 << 20  # bytes


@dataclass(frozen=True)
class BackedUp:
    """What a backup holds. rows: by table, that of users with a row for each of those `erased`, who keep an index;
    model: the version that serves, None before the first."""

    made: str
    serendip: str
    rows: dict[str, int]
    model: str | None
    files: dict[str, str]  # name -> SHA-256
    format: int = FORMAT
    erased: int = 0

    def __str__(self) -> str:
        users, items = counted(self.rows["users"] - self.erased, "user"), counted(self.rows["items"], "item")
        model = "no model" if self.model is None else f"model {self.model}"
        return f"{counted(self.rows['events'], 'event')} of {users} and {items}, {model}"


def backup(project: Project, file: Path, progress: Progress | None = None) -> BackedUp:
    """Write a project to a file, whole or not at all, while it is in use.

    Raises:
        UserError: there is no store, the file cannot be written, or the disk is full.
    """
    if not file.absolute().parent.is_dir():
        raise UserError(f"there is no folder {file.parent} for {file.name}")
    if file.is_dir():
        raise UserError(f"{file} is a folder: name a file in it, as {file / 'shop.backup'}")
    if not os.access(file.absolute().parent, os.W_OK):
        raise UserError(f"{file.absolute().parent} cannot be written by you: name a file elsewhere")
    staging = file.with_name(f".{file.name}.{os.getpid()}.part")
    with TemporaryDirectory(prefix=".backup-", dir=file.absolute().parent) as folder:
        try:
            with project.store(create=False) as store:
                rows = stores.copy(store.database, Path(folder) / STORE)
            version = project.current()
            given = {STORE: Path(folder) / STORE}
            if project.settings.is_file():
                given[SETTINGS] = project.settings
            if version is not None:
                parts = sorted(project.model(version).iterdir())
                given |= {f"{MODELS}/{version}/{part.name}": part for part in parts}
            made = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            hashes = {name: sha256(path) for name, path in given.items()}
            done = BackedUp(made, __version__, rows, version, hashes, erased=stores.erased(given[STORE]))
            more = telling(progress, "packing, MB", sum(path.stat().st_size for path in given.values()))
            with zipfile.ZipFile(staging, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
                out.writestr(CONTENTS, json.dumps(asdict(done), indent=1))
                for name, path in given.items():
                    with open(path, "rb") as source, out.open(name, "w", force_zip64=True) as entry:
                        pour(source, entry, more)
            with open(staging, "rb") as out_file:
                os.fsync(out_file.fileno())
            checked(staging, Path(folder) / "again", progress)
            staging.replace(file)
        finally:
            staging.unlink(missing_ok=True)
    return done


def restore(project: Project, file: Path, progress: Progress | None = None) -> BackedUp:
    """Put a project back as a file has it: nothing is replaced before everything is checked.

    Raises:
        UserError: the file is no backup or damaged, or the store is in use.
    """
    project.make()
    with TemporaryDirectory(prefix=".restore-", dir=project.root) as folder:
        there = Path(folder)
        done = checked(file, there, progress)
        if not project.settings.exists() and (there / SETTINGS).is_file():
            shutil.copyfile(there / SETTINGS, project.settings)
        Store.open(there / STORE).close()  # an older one is brought up to date before it takes over
        if read(project.settings).storage.url if project.settings.is_file() else "":
            with project.store() as store:
                stores.put_rows(there / STORE, store.database)
        else:
            stores.put_file(there / STORE, project.database)
        if done.model is not None:
            if done.model not in project.versions():
                shutil.rmtree(project.models / done.model, ignore_errors=True)
                (there / MODELS / done.model).rename(project.models / done.model)
            project.publish(done.model, f"restored from {file.name}")
    return done


def checked(file: Path, folder: Path, progress: Progress | None = None) -> BackedUp:
    """Unpack a backup into a folder and check all of it: every SHA-256, the store's integrity and rows, the model.

    Raises:
        UserError: it is no backup, or something is not as it was written.
    """
    try:
        with zipfile.ZipFile(file) as packed:
            said = BackedUp(**json.loads(packed.read(CONTENTS)))
            if said.format != FORMAT:
                raise UserError(f"{file} is a backup of format {said.format}, and this Serendip reads {FORMAT}")
            more = telling(progress, "checking, MB", sum(one.file_size for one in packed.infolist()))
            for name, expected in said.files.items():
                parts = PurePosixPath(name).parts
                if not parts or parts[0] not in (STORE, SETTINGS, MODELS) or ".." in parts or len(parts) > 3:
                    raise UserError(f"{file} names a file outside a project: {name}")
                to = folder.joinpath(*parts)
                to.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(name) as source, open(to, "wb") as out:
                    pour(source, out, more)
                    out.flush()
                    os.fsync(out.fileno())
                if sha256(to) != expected:
                    raise UserError(f"{file} is damaged: {name} is not as it was written")
    except FileNotFoundError:
        raise UserError(f"there is no file {file}") from None
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, EOFError, zlib.error) as error:
        raise UserError(f"{file} is no backup of Serendip's, or damaged: {error}") from None
    if stores.counted(folder / STORE) != said.rows:
        raise UserError(f"{file} is damaged: its store has not the rows that it was written with")
    if said.model is not None:
        if not VERSION.fullmatch(said.model):
            raise UserError(f"{file} is damaged: {said.model!r} is no version of a model")
        load(folder / MODELS / said.model)
    return said


def telling(progress: Progress | None, what: str, total: int) -> Callable[[int], None]:
    """Return what is to be called with each number of bytes that are done."""
    done = 0

    def more(n: int) -> None:
        nonlocal done
        done += n
        if progress is not None:
            progress(what, done >> 20, max(total >> 20, 1))

    return more


def pour(source: IO[bytes], out: IO[bytes], more: Callable[[int], None]) -> None:
    """Copy a file block by block, and tell of each."""
    while block := source.read(BLOCK):
        out.write(block)
        more(len(block))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
