"""Whether everything that a server needs is in order: each check says what it found and what to do about it."""

import os
import platform
import shutil
import socket
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from ipaddress import ip_address
from urllib.parse import urlsplit

from serendip import kernels
from serendip.config import Settings
from serendip.errors import UserError
from serendip.plural import counted
from serendip.service.catalogue import Catalogue
from serendip.service.keys import keys_file, listed
from serendip.service.publish import proved
from serendip.service.settings import settings_of
from serendip.store.artefacts import load
from serendip.store.project import Project
from serendip.store.schema import STEPS

LITTLE, TOO_LITTLE = 2 << 30, 200 << 20  # bytes of free disk
OK, WARNING, PROBLEM = "ok", "warning", "problem"


@dataclass(frozen=True)
class Finding:
    """What a check found. state: ok, warning or problem; do: what to do about it, empty where nothing."""

    check: str
    state: str
    said: str
    do: str = ""


def examine(project: Project) -> Iterator[Finding]:
    """Yield what each check finds; one that fails in a way that it does not know is a problem, too."""
    try:
        settings = settings_of(project)
        said = str(project.settings) if project.settings.exists() else "none: every setting has its default"
        yield Finding("settings", OK, said)
    except UserError as error:
        yield Finding("settings", PROBLEM, str(error), "mend the file")
        settings = Settings()
    checks: dict[str, Callable[[Project, Settings], Finding]] = {
        "python": python, "kernels": compiled, "clock": clock, "folder": folder, "disk": disk, "store": store,
        "model": model, "golden": golden, "keys": keys, "port": port, "redis": redis,
    }  # fmt: skip
    for name, check in checks.items():
        try:
            yield check(project, settings)
        except UserError as error:
            yield Finding(name, PROBLEM, str(error))
        except Exception as error:
            yield Finding(name, PROBLEM, f"the check failed: {type(error).__name__}: {error}")


def python(project: Project, settings: Settings) -> Finding:
    """The interpreter and the libraries that numbers come from."""
    parts = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "polars"))
    said = f"{platform.python_version()} on {platform.machine()}, {parts}"
    if not (3, 11) <= sys.version_info[:2] < (3, 15):
        return Finding("python", PROBLEM, said, "use Python 3.11 to 3.14")
    return Finding("python", OK, said)


def compiled(project: Project, settings: Settings) -> Finding:
    """The kernels: compiled, or their twins."""
    if kernels.native:
        return Finding("kernels", OK, "compiled")
    return Finding("kernels", WARNING, "their NumPy twins run, with the same results but many times slower",
                   "install a C++20 compiler, then serendip again")  # fmt: skip


def clock(project: Project, settings: Settings) -> Finding:
    """The time: neither before what was already made nor absurd."""
    now, made = datetime.now(UTC), project.versions()
    said = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    newest = max((datetime.strptime(one[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for one in made), default=None)
    if newest is not None and (newest - now).total_seconds() > 60:
        ahead = f"{said}, and a model is of {newest:%Y-%m-%d %H:%M:%S}"
        return Finding("clock", PROBLEM, ahead, "set the clock; let a time service keep it")
    return Finding("clock", OK, said)


def folder(project: Project, settings: Settings) -> Finding:
    """The project's folder: there, ours to write, and not everyone's."""
    root = project.root
    if not root.is_dir():
        return Finding("folder", PROBLEM, f"there is no folder {root}", "make a project with `serendip run FILE`")
    for path in (root, project.models, project.reports, project.database):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            return Finding("folder", PROBLEM, f"{path} cannot be written", f"give it to the user {os.getuid()}")
    if stat.S_IMODE(root.stat().st_mode) & stat.S_IWOTH:
        return Finding("folder", WARNING, f"everyone on this machine may write to {root}", f"chmod o-w {root}")
    return Finding("folder", OK, f"{root.resolve()} can be written")


def disk(project: Project, settings: Settings) -> Finding:
    """The room that is left where the project is."""
    there = next(path for path in (project.root.absolute(), *project.root.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    said, do = f"{free / 1e9:.1f} GB free", "make room: without it no event can be recorded"
    state = PROBLEM if free < TOO_LITTLE else WARNING if free < LITTLE else OK
    return Finding("disk", state, said, "" if state == OK else do)


def store(project: Project, settings: Settings) -> Finding:
    """The store: of a version that we know, whole, and it opens."""
    where = project.database
    if where.is_file() and not settings.storage.url:
        if not os.access(where, os.R_OK | os.W_OK):
            return Finding("store", PROBLEM, f"{where} cannot be written", f"give it to the user {os.getuid()}")
        with closing(sqlite3.connect(f"{where.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            (steps,) = connection.execute("PRAGMA user_version").fetchone()
            if steps <= len(STEPS):  # opening says what is wrong with a newer one
                try:
                    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                except sqlite3.DatabaseError as error:
                    found = str(error)
                if found != "ok":
                    return Finding("store", PROBLEM, f"{where} is damaged: {found}", "restore it from a backup")
    else:
        steps = len(STEPS)
    with project.store(create=False) as opened:
        n = opened.counts()
    said = f"{counted(n.events, 'event')} of {counted(n.users, 'user')} and {counted(n.items, 'item')}"
    if n.quarantined:
        said += f", {counted(n.quarantined, 'row')} in quarantine"
    if steps < len(STEPS):
        said += f"; brought from schema {steps} to {len(STEPS)}"
    if not n.events:
        return Finding("store", WARNING, said, "load events with `serendip ingest FILE`")
    return Finding("store", OK, said)


def model(project: Project, settings: Settings) -> Finding:
    """The model that serves: there, each file as it was written."""
    serving = project.current()
    if serving is None:
        return Finding("model", PROBLEM, "no model is published", "make one with `serendip run FILE`")
    load(project.model(serving))
    age = time.time() - datetime.strptime(serving[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp()
    said = f"{serving}, {age / 86400:.1f} days old, its files as they were written"
    if age > 30 * 86400:
        return Finding("model", WARNING, said, "train anew with `serendip train`, or let `serendip schedule` do it")
    return Finding("model", OK, said)


def golden(project: Project, settings: Settings) -> Finding:
    """The golden requests of the model that serves, answered on the store as it is."""
    serving = project.current()
    if serving is None:
        return Finding("golden", PROBLEM, "there is no model to ask")
    with project.store(create=False) as opened:
        began = time.perf_counter()
        proved(project, serving, Catalogue(opened))
    return Finding("golden", OK, f"answered as when it was fitted, in {time.perf_counter() - began:.2f} s")


def keys(project: Project, settings: Settings) -> Finding:
    """The keys: readable by us alone, and there where the server is not on loopback."""
    path, host = keys_file(project), settings.serving.host
    found = listed(project)
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Finding("keys", WARNING, f"others on this machine may read {path}", f"chmod 600 {path}")
    if found:
        names = sorted({key.name for key in found})
        return Finding("keys", OK, f"{len(found)} valid: {', '.join(names)}")
    if path.exists():
        return Finding(
            "keys", WARNING, "every key is revoked: nobody can ask", "serendip keys create NAME --scope read"
        )
    loopback = host == "localhost" or ip_address(host).is_loopback
    if not loopback:
        return Finding("keys", PROBLEM, f"there is none, and the server is to listen on {host}",
                       "serendip keys create NAME --scope read")  # fmt: skip
    return Finding("keys", OK, "none: the server listens on loopback only")


def port(project: Project, settings: Settings) -> Finding:
    """The port that the settings name: free."""
    host, number = settings.serving.host, settings.serving.port
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, number), family=family).close()
    except OSError as error:
        do = "choose another with --port, unless it is your server that listens there"
        return Finding("port", WARNING, f"{host}:{number} cannot be listened on: {error.strerror}", do)
    return Finding("port", OK, f"{host}:{number} is free")


def redis(project: Project, settings: Settings) -> Finding:
    """The Redis of the settings: it answers."""
    url = settings.cache.url
    if not url:
        return Finding("redis", OK, "not used")
    parts = urlsplit(url)
    host, number = parts.hostname or "127.0.0.1", parts.port or 6379
    try:
        with socket.create_connection((host, number), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            said = connection.recv(64)
    except OSError as error:
        do = "start it: without it slates are made anew more often, and nothing else is lost"
        return Finding("redis", WARNING, f"{host}:{number} does not answer: {error.strerror or error}", do)
    if said.startswith((b"+PONG", b"-NOAUTH")):
        return Finding("redis", OK, f"{host}:{number} answers")
    return Finding("redis", WARNING, f"what listens on {host}:{number} is no Redis", "correct [cache] url")
