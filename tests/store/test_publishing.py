"""kill -9 between any two steps of publishing: wholly the old model, or wholly the new one."""

import random
import shutil
import signal
import subprocess
import sys

import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.tables import Tables
from serendip.models.popular import Popular
from serendip.store.artefacts import about, load, save
from serendip.store.project import Project

# for each number that it reads, forks a process that saves and publishes a model and kills itself before the n-th call
# that changes the disk; a number below 0 is the microseconds after which the process is killed from outside
DRIVER = """
import builtins, os, signal, sys, time
from pathlib import Path
from serendip.store.artefacts import load, save
from serendip.store.project import Project
project = Project(Path(sys.argv[1]))

def publish(n):
    left = n
    def counted(call):
        def counting(*arguments, **named):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)
        return counting
    model = load(project.model(project.current()))
    version = project.new_version("new")
    os.write(writing, b".")
    for owner, name in ((os, "fsync"), (os, "mkdir"), (os, "rename"), (os, "replace"), (os, "unlink"), (os, "rmdir"),
                        (builtins, "open")):
        setattr(owner, name, counted(getattr(owner, name)))
    save(model, project.model(version), {"which": "new", "padding": "x" * 10000})
    project.publish(version, "tested")

for line in sys.stdin:
    n = int(line)
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        publish(n)
        os._exit(0)
    os.read(reading, 1)
    if n < 0:
        time.sleep(-n / 1e6)
        os.kill(pid, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    os.close(reading), os.close(writing)
"""


@pytest.fixture
def project(tmp_path):
    events = pl.DataFrame(
        {"user_id": [f"u{n % 20}" for n in range(200)], "item_id": [f"i{n % 30}" for n in range(200)]}
    )
    model = Popular().fit(Dataset.of(Tables(events)))
    made = Project(tmp_path / "shop").make()
    version = made.new_version("old")
    save(model, made.model(version), {"which": "old"})
    made.publish(version, "first")
    return made


@pytest.fixture
def publish(project):
    """Publish in a process that is killed; return how it ended."""
    command = [sys.executable, "-c", DRIVER, str(project.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:

        def call(n):
            driver.stdin.write(f"{n}\n")
            driver.stdin.flush()
            return int(driver.stdout.readline())

        yield call
        driver.kill()


def whole(project, old):
    """Return which model serves, after checking that all of it is there."""
    version = project.current()
    assert version is not None
    which = about(project.model(version))["which"]
    load(project.model(version))
    assert which == ("old" if version == old else "new")
    for one in project.versions():
        load(project.model(one))
    return which


def test_at_every_step(project, publish):
    old, seen, step, ended = project.current(), [], 0, None
    while ended != 0:
        step += 1
        ended = publish(step)
        assert ended in (0, -signal.SIGKILL)
        seen.append(whole(project, old))
        assert project.previous() == (old if seen[-1] == "new" else None)
        project.publish(old)  # a publication after a kill is as any other
    assert step > 10 and seen[0] == "old" and seen[-1] == "new"
    assert seen == sorted(seen, reverse=True)  # once it is the new one, it stays so


def test_at_random_moments(project, publish):
    old, chance, seen = project.current(), random.Random(0), set()
    for _ in range(100):
        publish(-chance.randrange(1, 20_000))
        seen.add(whole(project, old))
        project.publish(old)
        for version in project.versions():
            if version != old:
                shutil.rmtree(project.model(version))
    assert "old" in seen
