"""The frame of the command line: usage, status, closed pipes, odd terminals."""

import json
import os
import subprocess
import sys

import pytest

from serendip import __version__
from serendip.cli import COMMANDS, status

SHELL = f"{sys.executable} -c 'from serendip.cli import main; main()'"


def test_help_and_version(capsys):
    for given in ([], ["--help"], ["-h"], ["help"]):
        assert status(given) == 0
        out = capsys.readouterr().out
        assert all(f"  {name} " in out for name in COMMANDS)
    assert status(["--version"]) == 0
    assert capsys.readouterr().out == f"serendip {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command, capsys):
    assert status([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: serendip {command}")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["rum"], "there is no command 'rum'; did you mean 'run'?"),
        (["run", "f.csv", "--algoritms", "ease"], "run has no option '--algoritms'; did you mean '--algorithms'?"),
        (["ingest", "--foo", "f.csv"], "ingest has no option '--foo'; known: --"),
        (["recommend", "u", "-k", "0"], "'--k' / '-k'"),
        (["recommend", "u", "-k", "1001"], "1000"),
        (["recommend", "u", "-k", "ten"], "integer"),
        (["recommend", "u", "v"], "(v)"),
        (["similar"], "item_id"),
        (["serve", "--port", "65536"], "65535"),
        (["serve", "--port"], "requires an argument"),
        (["train", "ease", "--threads", "0"], "--threads"),
        (["train", "ease", "--seed", "-1"], "--seed"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(given, said, capsys):
    assert status(given) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("serendip: ") and err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["train", "esae"], "there is no algorithm 'esae'; did you mean 'ease'?"),
        (["train", "ease", "--set", "l3=3"], "did you mean 'l2'?"),
        (["train", "ease", "--set", "l2=-3"], "ease.l2 lies from"),
        (["train", "ease", "--set", "l2"], "field=value"),
        (["compare", "--metrics", "ndgc@10"], "did you mean 'ndcg'?"),
        (["compare", "--metrics", ","], "no metric was named"),
        (["compare", "--split", "tme"], "did you mean 'time'?"),
        (["compare", "--algorithms", "esae"], "did you mean 'ease'?"),
        (["compare", "--plot", "x.pdf"], ".svg, .png, .html"),
        (["recommend"], "name a user"),
        (["recommend", "u1", "--history", "i1"], "name a user"),
        (["recommend", "--history", "i1,i999"], "no item has the id 'i999'"),
        (["similar", "i999"], "no item has the id 'i999'"),
        (["similar", "Thing 20"], "no item has the id 'Thing 20'; did you mean i20 (Thing 20 of taste 2)?"),
        (["recommend", ""], "name a user"),
        (["explain", "u1", "i999"], "no item has the id 'i999'"),
        (["explain", "nobody", "i1"], "nothing to explain"),
        (["generate", "--output", "slates.xls"], ".csv, .parquet, .jsonl"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_status_1(given, said, shop, capsys):
    capsys.readouterr()
    assert status([*given, "--project", "project"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("serendip: ") and err.count("\n") == 1
    assert said in err


def shell(line, **environment):
    """Run a line of the shell; `serendip` in it is ours."""
    line = line.replace("serendip ", f"{SHELL} ", 1)
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, **environment})  # fmt: skip


def test_a_reader_that_has_seen_enough(shop):
    for given in ("recommend u14 --project project -k 60", "--help", "generate --project project --json"):
        done = shell(f"serendip {given} | head -c 1; exit ${{PIPESTATUS[0]}}")
        assert (done.returncode, done.stderr, len(done.stdout)) == (0, "", 1)


def test_no_output_at_all(shop):
    for closed in (">&-", "2>&-", ">&- 2>&- <&-"):
        assert shell(f"serendip recommend u14 --project project {closed}").returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_an_output_that_is_full(shop):
    done = shell("serendip recommend u14 --project project > /dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith("serendip: the disk is full") and done.stderr.count("\n") == 1


def test_a_terminal_of_another_encoding_and_titles_that_command_it(shop):
    (shop / "odd.jsonl").write_text(
        json.dumps({"item_id": "i25", "title": "Caf\u00e9 \x1b[2J\x1b]0;owned\x07 \u202e日本"})
    )
    assert status(["ingest", "odd.jsonl", "--table", "items", "--project", "project"]) == 0
    for given in ("recommend u14", "similar i25", "explain u14 i25"):
        done = shell(f"serendip {given} --project project", PYTHONIOENCODING="ascii")
        assert done.returncode == 0, done.stderr
        assert "Caf\\xe9" in done.stdout
        assert "\x1b" not in done.stdout and "\x07" not in done.stdout
