"""Keys: who may ask for what. `keys.json` in the project's folder holds their hashes, never the keys.

A key is 256 random bits, so that its SHA-256 gives nothing away. From the first key on the project is closed: it stays
so when the last is revoked, or when the file is damaged or gone while a server runs.
"""

import fcntl
import hashlib
import hmac
import logging
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from serendip.errors import NotFound, UserError, nearest
from serendip.store.project import Project

log = logging.getLogger("serendip")
SCOPES = ("events", "read", "admin")
EVERY = 0.25  # seconds between two looks at the file
KEY = re.compile(r"srd_([0-9a-f]{8})_[0-9a-f]{64}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Key(msgspec.Struct, frozen=True):
    """One key. rate: requests a second, 0 for any; made, until: seconds since 1970, until None for ever."""

    id: str
    name: str
    scopes: tuple[str, ...]
    sha256: str
    rate: float
    made: float
    until: float | None = None

    @property
    def valid(self) -> bool:
        """Whether it has not run out."""
        return self.until is None or time.time() < self.until

    def may(self, scope: str) -> bool:
        """Return whether it opens what needs a scope; admin opens everything."""
        return scope in self.scopes or "admin" in self.scopes


@dataclass(frozen=True)
class Made:
    """A key that was just made, and its text, which is nowhere kept."""

    key: Key
    text: str


def keys_file(project: Project) -> Path:
    """Return where a project's keys are kept."""
    return project.root / "keys.json"


def create(project: Project, name: str, scopes: list[str], rate: float = 0.0) -> Made:
    """Make a key.

    Raises:
        UserError: the name is taken or none, or a scope is unknown.
    """
    if not NAME.fullmatch(name):
        raise UserError(f"a key's name has letters, digits, dots and dashes, 64 at most, and {name!r} does not")
    for scope in scopes:
        if scope not in SCOPES:
            raise UserError(f"a key's scope is one of {', '.join(SCOPES)}, not {scope!r}")
    if not scopes:
        raise UserError(f"say what the key may do: --scope with some of {', '.join(SCOPES)}")
    with changing(project) as keys:
        if any(key.name == name for key in keys):
            raise UserError(f"there is a key {name!r} already: rotate it, revoke it, or choose another name")
        made = fresh(name, tuple(dict.fromkeys(scopes)), rate)
        keys.append(made.key)
    return made


def rotate(project: Project, name: str, grace: float) -> Made:
    """Make another key of the same name, scopes and rate; the one before it stays valid for `grace` seconds.

    Raises:
        NotFound: there is no key of the name.
    """
    with changing(project) as keys:
        mine = named(keys, name)
        last, now = max(mine, key=lambda key: key.made), time.time()
        made = fresh(name, last.scopes, last.rate)
        others = [key for key in keys if key.name != name]
        old = [msgspec.structs.replace(key, until=min(key.until or now + grace, now + grace)) for key in mine]
        keys[:] = [*others, *(key for key in old if key.valid), made.key]
    return made


def revoke(project: Project, name: str) -> None:
    """Let every key of a name be refused from now on.

    Raises:
        NotFound: there is no key of the name.
    """
    with changing(project) as keys:
        mine = named(keys, name)
        keys[:] = [key for key in keys if key not in mine]


def listed(project: Project) -> list[Key]:
    """Return every key that is valid, in the order in which they were made.

    Raises:
        UserError: the file is damaged.
    """
    return [key for key in read(keys_file(project)) if key.valid]


def named(keys: list[Key], name: str) -> list[Key]:
    """Return the keys of a name.

    Raises:
        NotFound: there is none.
    """
    mine = [key for key in keys if key.name == name]
    if not mine:
        raise NotFound(f"there is no key {name!r}{nearest(name, (key.name for key in keys))}")
    return mine


def fresh(name: str, scopes: tuple[str, ...], rate: float) -> Made:
    """Draw a key."""
    number = secrets.token_hex(4)
    text = f"srd_{number}_{secrets.token_hex(32)}"
    return Made(Key(number, name, scopes, digest(text), rate, round(time.time(), 3)), text)


def digest(text: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(text.encode()).hexdigest()


def read(path: Path) -> list[Key]:
    """Return the keys of a file, none where there is no file.

    Raises:
        UserError: it is damaged, or may not be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Key])
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): let it belong to who runs the server") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is damaged ({error}): remove it and make new keys") from None


@contextmanager
def changing(project: Project) -> Iterator[list[Key]]:
    """Give the keys to change, nobody else meanwhile; they are written whole, for the project's owner alone to read."""
    if not project.root.is_dir():
        raise UserError(f"there is no project in {project.root}: make one with `serendip run FILE`")
    path = keys_file(project)
    folder = os.open(project.root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        keys = read(path)
        yield keys
        staging = path.with_name(f".keys.{os.getpid()}.part")
        try:
            with open(os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(msgspec.json.format(msgspec.json.encode(keys), indent=1) + b"\n")
                out.flush()
                os.fsync(out.fileno())
            owner = os.fstat(folder)
            if os.geteuid() == 0:  # made by root for a server that is not
                os.chown(staging, owner.st_uid, owner.st_gid)
            staging.replace(path)
            os.fsync(folder)
        finally:
            with suppress(OSError):
                staging.unlink(missing_ok=True)
    finally:
        os.close(folder)


class Keys:
    """The keys as a server asks for them; what changes in the file counts within a quarter of a second."""

    def __init__(self, project: Project) -> None:
        self.path = keys_file(project)
        self.closed = False  # whether a key is needed
        self._by_id: dict[str, Key] = {}
        self._seen: tuple[int, int, int] | None = None
        self._next = 0.0
        self.look()

    def look(self) -> None:
        """Read the file where it has changed."""
        try:
            now = os.stat(self.path)
            seen = now.st_mtime_ns, now.st_ino, now.st_size
        except FileNotFoundError:
            seen = None
        except OSError:
            seen = (-1, -1, -1)
        if seen == self._seen:
            return
        self._seen, self.closed, self._by_id = seen, True, {}
        try:
            self._by_id = {key.id: key for key in read(self.path)}
        except UserError as error:
            log.error("no key is valid: %s", error)

    def find(self, text: str) -> Key | None:
        """Return the valid key that a text is, None where it is none."""
        self.fresh()
        found = KEY.fullmatch(text)
        key = self._by_id.get(found[1]) if found else None
        same = hmac.compare_digest(digest(text), key.sha256 if key else "0" * 64)
        return key if same and key is not None and key.valid else None

    def fresh(self) -> None:
        """Look at the file, if the last look was not just now."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            self.look()
