"""Fitted models as directories: model.json, state.safetensors and Parquet tables; written whole, checked on loading."""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from serendip.data.ids import Ids
from serendip.errors import UserError
from serendip.models.contract import Model
from serendip.store import tensors
from serendip.store.fields import Parts, model_data, model_of

FORMAT = 1
MANIFEST, STATE = "model.json", "state.safetensors"


def save(model: Model, directory: str | PathLike[str], about: Mapping[str, object] | None = None) -> None:
    """Write a model to a directory: wholly or, if anything interrupts, not at all; a model that was there is replaced.

    about: plain data kept beside it: algorithm, hyperparameters, hash of the data, split, report.

    Raises:
        UserError: the disk is full or the directory cannot be written.
        TypeError: the model or `about` holds something that is neither array, table, ids nor plain data.
    """
    directory, parts = Path(directory), Parts()
    data = model_data(model, parts)
    with _staged(directory) as staging:
        files = {STATE: _write(staging / STATE, lambda out: tensors.write(out, parts.arrays))}
        tables = {name: pl.DataFrame({"id": ids.series}) for name, ids in parts.ids.items()}
        for name, frame in {**tables, **parts.frames}.items():
            files[f"{name}.parquet"] = _write(staging / f"{name}.parquet", frame.write_parquet)
        manifest = {
            "format": FORMAT, "serendip": _version(), "about": dict(about or {}), "model": data,
            "ids": list(parts.ids), "frames": list(parts.frames), "files": files,
        }  # fmt: skip
        _write(staging / MANIFEST, lambda out: out.write(_rendered(manifest)))


def load(directory: str | PathLike[str]) -> Model:
    """Return the model of a directory, its arrays mapped, not read: processes share one copy of them.

    Raises:
        UserError: there is no model, a file is not as it was written, or another version of Serendip wrote it.
    """
    directory = _found(Path(directory))
    manifest = _manifest(directory)
    for name, sha256 in manifest["files"].items():
        if Path(name).name != name:
            raise UserError(f"{directory / MANIFEST} names a file outside its directory: {name}")
        if not (directory / name).is_file() or _sha256(directory / name) != sha256:
            raise UserError(f"{directory / name} is missing or not as it was written: fit the model again")
    ids = {name: Ids(pl.read_parquet(directory / f"{name}.parquet")["id"]) for name in manifest["ids"]}
    frames = {name: pl.read_parquet(directory / f"{name}.parquet") for name in manifest["frames"]}
    return model_of(manifest["model"], Parts(tensors.mapped(directory / STATE), frames, ids))


def rename(directory: str | PathLike[str], table: str, index: int, id_: str, to: str, named: re.Pattern[str]) -> bool:
    """Replace one id in a table of a saved model, as `users`, and what `named` finds in what was saved about it.

    Return whether there was anything to replace. The arrays stay as they are, also for whoever has them mapped.

    Raises:
        UserError: model.json is not as it was written, or the disk is full; the model is as it was then.
    """
    directory = _found(Path(directory))
    manifest = _manifest(directory)
    text = json.dumps(manifest["about"], ensure_ascii=False)
    less = named.sub(to.strip(), text)
    path = directory / f"{table}.parquet"
    ids = pl.read_parquet(path) if table in manifest["ids"] else pl.DataFrame({"id": []})
    there = index < len(ids) and ids["id"][index] == id_
    if not there and less == text:
        return False
    manifest["about"] = json.loads(less)
    with _staged(directory) as staging:
        for one in directory.iterdir():
            if one.name != MANIFEST and not (there and one == path):
                os.link(one, staging / one.name)
        if there:
            at = pl.int_range(pl.len()) == index
            ids = ids.with_columns(pl.when(at).then(pl.lit(to)).otherwise("id").alias("id"))
            manifest["files"][path.name] = _write(staging / path.name, ids.write_parquet)
        _write(staging / MANIFEST, lambda out: out.write(_rendered(manifest)))
    return True


def about(directory: str | PathLike[str]) -> dict[str, Any]:
    """Return what was saved about a model, with the shape of its state and the version that wrote it, not loading it.

    Raises:
        UserError: there is no model, or model.json is not as it was written.
    """
    manifest = _manifest(_found(Path(directory)))
    return {"shape": manifest["model"]["$shape"], "serendip": manifest["serendip"], **manifest["about"]}


def _manifest(directory: Path) -> dict[str, Any]:
    path = directory / MANIFEST
    if not path.is_file():
        raise UserError(f"there is no model in {directory}: fit one first with `serendip train`")
    raw = path.read_bytes()
    try:
        manifest = json.loads(raw)
        del manifest["sha256"]
        whole = raw == _rendered(manifest)
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise UserError(f"{path} is not as it was written: fit the model again")
    if manifest["format"] != FORMAT:
        raise UserError(
            f"{path} is of format {manifest['format']} and this version of Serendip reads {FORMAT}: fit the model "
            f"again, or use Serendip {manifest['serendip']}"
        )
    return dict(manifest)


def _rendered(manifest: Mapping[str, object]) -> bytes:
    """Return the manifest as text that carries its own hash: no byte of it can change unseen."""
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return (json.dumps({**manifest, "sha256": sha256}, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _version() -> str:
    try:
        return version("serendip")
    except PackageNotFoundError:  # run from a checkout
        return "unknown"


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, body: Callable[[BinaryIO], object]) -> str:
    """Write a file to the disk itself and return its SHA-256."""
    with open(path, "wb") as out:
        body(out)
        out.flush()
        os.fsync(out.fileno())
    return _sha256(path)


def _aside(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.old")


def _found(directory: Path) -> Path:
    """Return where the model is: aside, if a replacement was cut off between its two renames."""
    return _aside(directory) if not directory.exists() and _aside(directory).exists() else directory


@contextmanager
def _staged(directory: Path) -> Iterator[Path]:
    """A directory beside the named one that takes its place when everything in it is written."""
    directory = directory.absolute()
    staging = directory.with_name(f".{directory.name}.{os.getpid()}.new")
    try:
        staging.mkdir(parents=True)
        yield staging
        _sync(staging)
        old = _found(directory)
        if directory.exists():
            shutil.rmtree(_aside(directory), ignore_errors=True)
            old = directory.rename(_aside(directory))
        staging.rename(directory)
        _sync(directory.parent)
        if old != directory:
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise UserError(f"the disk is full: the model was not written to {directory}; free some space") from error
        raise UserError(f"the model cannot be written to {directory}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
