"""Fetch files from an address into a folder: whole and checked, or not at all."""

import hashlib
import os
import queue
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterable, Mapping
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from rich.console import Console
from rich.progress import Progress

from serendip.errors import UserError

CONNECT_SECONDS = 5.0  # until an address must have begun to answer, name look-up and all
STALL_SECONDS = 15.0  # without a byte, after which a download is given up


def fetch(address: str, files: Iterable[str], folder: Path, digests: Mapping[str, str]) -> None:
    """Put `files` into `folder`, out of the .zip archive at `address`, or one by one from below an address ending in /.

    `digests` holds SHA-256 by name, of the archive, of files, or of both; what it names is checked. Everything is
    downloaded beside the folder first and moved into it when all is there and right.

    Raises:
        UserError: the address does not answer, answers with an error or with less than it promised, or with
            something else than the digests say.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        new = Path(temporary)
        if address.endswith(".zip"):
            archive = new / address.rsplit("/", 1)[-1]
            _download(address, archive)
            check(archive, digests, address)
            unpack(archive, files, new, address)
        else:
            for name in files:
                _download(address + name, new / name)
        for name in files:
            check(new / name, digests, address)
        folder.mkdir(exist_ok=True)
        for name in files:
            os.replace(new / name, folder / name)


def check(file: Path, digests: Mapping[str, str], origin: str) -> None:
    """Raise a UserError where a file that `digests` names is not the one it means."""
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if digests.get(file.name, found) != found:
        raise UserError(
            f"{file.name} from {origin} is not the file it should be (SHA-256 {found[:12]}..., expected "
            f"{digests[file.name][:12]}...), and was thrown away"
        )


def unpack(archive: Path, files: Iterable[str], folder: Path, origin: str) -> None:
    """Write the named members of a .zip archive into a folder, whatever folder they have in the archive."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = {member.rsplit("/", 1)[-1]: member for member in opened.namelist()}
            for name in files:
                if name not in members:
                    raise UserError(f"the archive from {origin} holds no file {name}")
                with opened.open(members[name]) as source, (folder / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    except zipfile.BadZipFile:
        raise UserError(f"what came from {origin} is no .zip archive, or a damaged one") from None


def _download(url: str, target: Path) -> None:
    done, total = 0, 0
    try:
        console = Console(stderr=True)
        with (
            _open(url) as answer,
            target.open("wb") as file,
            Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        ):
            total = int(answer.headers.get("Content-Length") or 0)
            task = progress.add_task(target.name, total=total or None)
            while block := answer.read(1 << 16):
                file.write(block)
                done += len(block)
                progress.update(task, completed=done)
    except HTTPError as error:
        error.close()
        raise UserError(f"{url} answered {error.code} {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:  # URLError and time-outs are OSErrors
        reason = getattr(error, "reason", None) or error
        raise UserError(f"{url} could not be fetched: {reason}") from None
    if total and done != total:
        raise UserError(f"{url} broke off after {done:,} of {total:,} bytes; try again")


def _open(url: str) -> HTTPResponse:
    """Open a URL; TimeoutError when it has not begun to answer in time (a socket's own limit leaves out look-ups)."""
    result: queue.Queue[HTTPResponse | Exception] = queue.Queue(1)

    def connect() -> None:
        try:
            result.put(urlopen(Request(url, headers={"User-Agent": "serendip"}), timeout=STALL_SECONDS))
        except Exception as error:
            result.put(error)

    threading.Thread(target=connect, daemon=True).start()
    try:
        answer = result.get(timeout=CONNECT_SECONDS)
    except queue.Empty:
        raise TimeoutError(f"no answer within {CONNECT_SECONDS:.0f} seconds") from None
    if isinstance(answer, Exception):
        raise answer
    return answer
