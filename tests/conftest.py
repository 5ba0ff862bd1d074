"""A small shop with clear tastes, made once into a project; tests take a copy of it."""

import glob
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil
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
def served(shop: Path) -> Callable[..., AbstractContextManager[tuple["subprocess.Popen[str]", str]]]:
    """Start `serendip serve` of the copied project as a process: give it, and its address without a slash."""

    @contextmanager
    def serving(*options: object, port: int = 0) -> Iterator[tuple["subprocess.Popen[str]", str]]:
        command = [sys.executable, "-c", "from serendip.cli import main; main()", "serve", "--project", "project"]
        command += ["--port", str(port), *map(str, options)]
        with subprocess.Popen(command, cwd=shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert line.startswith("Serving on http://"), line + (process.stderr.read() if process.stderr else "")
                yield process, line.split()[2].rstrip("/")
            finally:
                for child in psutil.Process(process.pid).children() if process.poll() is None else []:
                    child.kill()
                process.kill()

    return serving


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[..., str]]:
    """A real PostgreSQL of our own: each call gives the address of a new database, empty or like another.

    SERENDIP_TEST_POSTGRES, the address of a database from which others may be made, takes its place.
    """
    import psycopg

    made: list[str] = []
    with postgres_server() as url:

        def fresh(like: str = "template1") -> str:
            name = f"serendip_test_{os.getpid()}_{len(made)}"
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
            made.append(name)
            head, _, options = url.partition("?")
            return f"{head.rpartition('/')[0]}/{name}{'?' if options else ''}{options}"

        yield fresh
        if "SERENDIP_TEST_POSTGRES" in os.environ:  # a server of our own goes away with all that is in it
            with psycopg.connect(url, autocommit=True) as connection:
                for name in made:
                    connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def moved(prepared: Path, postgres: Callable[..., str]) -> Callable[[Path], None]:
    """Let a copy of the prepared project keep its store in a PostgreSQL database of its own from now on."""
    from serendip.store.backup import put_rows
    from serendip.store.store import Store

    first = postgres()
    with Store.open(first) as store:
        put_rows(prepared / "project" / "serendip.db", store.database)
    name = first.partition("?")[0].rpartition("/")[2]

    def move(project: Path) -> None:
        (project / "serendip.db").unlink()
        settings = project / "serendip.toml"
        before, storage, after = settings.read_text().partition("[storage]")
        assert 'url = ""' in after
        settings.write_text(before + storage + after.replace('url = ""', f'url = "{postgres(name)}"', 1))

    return move


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, shop: Path) -> Path:
    """The copied project, its store in a file and in PostgreSQL: whatever is tested on it is tested on both."""
    if request.param == "postgres":
        request.getfixturevalue("moved")(shop / "project")
    return shop


@pytest.fixture
def own_postgres() -> Iterator[str]:
    """A real PostgreSQL that a test may stop: its address."""
    if "SERENDIP_TEST_POSTGRES" in os.environ:
        pytest.skip("the PostgreSQL of SERENDIP_TEST_POSTGRES is not ours to stop")
    with postgres_server() as url:
        yield url


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server in a folder of its own, as the user postgres where we are root, whom it refuses."""
    if "SERENDIP_TEST_POSTGRES" in os.environ:
        yield os.environ["SERENDIP_TEST_POSTGRES"]
        return
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb")) or [shutil.which("initdb")]
    if programs[-1] is None:
        pytest.skip("PostgreSQL is not installed")
    programs_folder, folder = Path(programs[-1]).parent, Path(tempfile.mkdtemp(prefix="serendip-postgres-"))
    who = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    if who:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        command = [programs_folder / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*command, "--locale=C.UTF-8", "-N"], check=True, capture_output=True, cwd=folder, **who)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [programs_folder / "postgres", "-D", folder / "data", "-k", folder, "-p", port, "-c", "fsync=off"]
        with open(folder / "log", "wb") as log:
            server = subprocess.Popen(
                [*map(str, command), "-h", "127.0.0.1"], stdout=log, stderr=log, cwd=folder, **who
            )
        ready = [programs_folder / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        for _ in range(300):
            if subprocess.run(ready, check=False).returncode == 0:
                break
            assert server.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
