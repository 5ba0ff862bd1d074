"""Ctrl-C and kill at any moment: one line, status 130, and the same command goes on to the same end."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serendip.cli import stop
from serendip.store.store import Store

RUN = ["run", "events.csv", "--items", "items.csv", "--algorithms", "popular,itemknn,ease", "--project", "mine"]
BEGUN = "from serendip.cli import main; print('begun', flush=True); main()"
MOMENTS = [0, 0.05, 0.15, 0.3, 0.5, 0.8, 1.2, 1.7, 2.3]  # seconds after Python has started and knows where to begin


def interrupted(signal_number, after, *arguments):
    """Start a command, send it a signal after so many seconds; return its status and what it said."""
    command = [sys.executable, "-c", BEGUN, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after)
        process.send_signal(signal_number)
        out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def state(folder):
    """Return all that a run comes to: events, slates and the model's name without its time."""
    with Store.open(Path(folder) / "serendip.db", create=False) as store:
        events = store.tables().events.rows()
        slates = [store.recommendations(user) for user in range(len(store.users()))]
    assert (Path(folder) / "models/current").exists()
    return events, slates


def test_ctrl_c_ends_a_run_with_one_line_and_the_next_one_finishes_it(shop, inside):
    ended = 0
    for moment in MOMENTS:
        code, _, err = interrupted(signal.SIGINT, moment, *RUN)
        if code == 0:
            ended += 1
            continue
        if moment == 0 and code == -signal.SIGINT:
            continue  # in the instant before it listens
        assert code == 130, err
        assert err == stop.LINE + "\n"
    assert ended < len(MOMENTS)
    assert inside(*RUN).returncode == 0
    assert state("mine") == state("project")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_that_is_killed_is_finished_by_the_next_one(shop, inside, seed):
    for moment in sorted(random.Random(seed).sample([0.3 + 0.1 * n for n in range(30)], 4)):
        interrupted(signal.SIGKILL, moment, *RUN)
    done = inside(*RUN)
    assert done.returncode == 0, done.stderr
    assert state("mine") == state("project")


def test_ctrl_c_does_not_wait_for_a_long_call_outside_python(tmp_path):
    code = (
        "import os\nos.environ['OPENBLAS_NUM_THREADS'] = '1'\nimport numpy as np\nfrom serendip.cli import stop\n"
        "stop.in_time()\n"
        "a = np.ones((12000, 12000), np.float32)\nprint('begun', flush=True)\na @ a\nprint('done', flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        assert p.stdout is not None
        p.stdout.readline()
        time.sleep(0.1)
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=60)
    assert (p.returncode, out, err) == (130, "", stop.LINE + "\n")


def test_an_interrupt_that_is_swallowed_ends_all_the_same(tmp_path):
    code = (
        "import time\nfrom serendip.cli import stop\nstop.in_time()\n"
        "def deaf(word):\n    try:\n        print(word, flush=True)\n        while True: time.sleep(0.05)\n"
        "    except KeyboardInterrupt: deaf('again')\ndeaf('begun')"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        assert p.stdout is not None
        p.stdout.readline()
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=60)
    assert (p.returncode, out, err) == (130, "again\n", stop.LINE + "\n")


def test_the_first_line_of_a_bar_is_drawn_after_a_second(capsys):
    from serendip.cli.progress import Bar

    with Bar() as bar:
        for done in range(5):
            bar("counting", done, 5)
    assert capsys.readouterr().err == ""
