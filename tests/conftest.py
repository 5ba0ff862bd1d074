"""A small shop with clear tastes, made once into a project; tests take a copy of it."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serendip.cli import status

# Where the tests run in the background, Ctrl-C is ignored, and so it would be by every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

GROUPS, ITEMS, USERS = 6, 10, 40  # tastes, items of each, users of each
START, HOUR = 1_700_000_000_000, 3_600_000
QUICK = "popular,itemknn,ease"
Call = Callable[..., "subprocess.CompletedProcess[str]"]


def write_shop(folder: Path) -> None:
    """Write events.csv, items.csv and users.csv: each user chooses six things of one taste and one of another."""
    chance = random.Random(7)
    events = []
    for user in range(GROUPS * USERS):
        taste = user % GROUPS
        liked = [taste * ITEMS + i for i in chance.sample(range(ITEMS), 6)] + [chance.randrange(GROUPS * ITEMS)]
        for n, item in enumerate(liked):
            events.append((START + (n * 240 + chance.randrange(200)) * HOUR, f"u{user}", f"i{item}"))
    rows = [f"{user},{item},purchase,{stamp}" for stamp, user, item in sorted(events)]
    (folder / "events.csv").write_text("\n".join(["user_id,item_id,type,timestamp", *rows]) + "\n")
    titles = [f"i{i},Thing {i} of taste {i // ITEMS},taste{i // ITEMS},{5 + i}" for i in range(GROUPS * ITEMS)]
    (folder / "items.csv").write_text("\n".join(["item_id,title,category,price", *titles]) + "\n")
    ages = [f"u{u},{20 + u % 50}" for u in range(GROUPS * USERS)]
    (folder / "users.csv").write_text("\n".join(["user_id,age", *ages]) + "\n")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shop's files and, in `project`, what `serendip run` made of them: not to be changed."""
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder)
    here = Path.cwd()
    os.chdir(folder)
    try:
        given = ["run", "events.csv", "--items", "items.csv", "--users", "users.csv", "--algorithms", QUICK]
        assert status([*given, "--project", "project"]) == 0
    finally:
        os.chdir(here)
    return folder


@pytest.fixture
def shop(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the prepared folder, and the working directory."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def serendip() -> Call:
    """Call the real command line in a process of its own, in the working directory."""

    def call(*arguments: object, timeout: float = 60, **given: object) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", "from serendip.cli import main; main()", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **given)  # type: ignore[call-overload, no-any-return]

    return call


@pytest.fixture
def inside(capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command line in this process, which is quicker."""

    def call(*arguments: object) -> "subprocess.CompletedProcess[str]":
        capsys.readouterr()
        given = [*map(str, arguments)]
        return subprocess.CompletedProcess(given, status(given), *capsys.readouterr())

    return call


@pytest.fixture
def answer(inside: Call) -> Callable[..., object]:
    """Call the command line in this process with --json; return what it answers."""

    def call(*arguments: object) -> object:
        done = inside(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


@pytest.fixture
def address(shop: Path) -> Iterator[str]:
    """Where a server of the copied project listens: over a socket, in a thread of this process."""
    import uvicorn

    from serendip.server import ServerSettings, create_app

    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = create_app(ServerSettings(shop / "project"))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()
