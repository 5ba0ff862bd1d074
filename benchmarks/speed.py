"""Times beside other libraries in one run: `make bench-speed`, or `python benchmarks/speed.py [--only WORD ...]`.

Each side of a job is a process of its own with two threads; they take turns, one at a time. The first call of each is
not timed: it warms up, and its peak memory is measured. Wall time stands against wall time and CPU time against CPU
time. A row is kept in speed.jsonl as soon as it is done: a run that was cut off goes on where it stopped, for as long
as machine, libraries and kernels are the same. `--again` measures anew, `--table` only writes the table.
"""

import argparse
import hashlib
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jobs.job import THREADS, Job, Side, Work
from limits import Limits, limits
from section import machine, processor, write_section
from settle import settled

HERE = Path(__file__).parent
KEPT = HERE / "speed.jsonl"
KINDS = ("als", "top", "neighbours", "ratings", "pairwise", "ease", "metrics")
PEERS = {"implicit": "implicit", "scikit-surprise": "surprise", "cornac": "cornac", "lightfm-next": "lightfm",
         "ranx": "ranx", "sparse_dot_topn": "sparse_dot_topn", "faiss-cpu": "faiss"}  # fmt: skip
OURS, LIMITS = "ours", "limits"


class Process:
    """One side of a job in a process of its own, which waits for its turn."""

    def __init__(self, kind: str, job: str, side: str, blas: int) -> None:
        blas_threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(blas))
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, "--worker", kind, job, side], cwd=HERE, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, **blas_threads, "OMP_NUM_THREADS": str(THREADS)},
        )  # fmt: skip

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *why: object) -> None:
        self.process.kill()
        self.process.wait()

    def call(self, what: str) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("it ended without an answer")
        found: dict[str, Any] = json.loads(line)
        return found


def worker(kind: str, name: str, side: str) -> None:
    """Answer each line that comes in: `warm`, or the number of a turn."""
    from serendip.evaluation.memory import PeakMemory

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    job = next(j for j in importlib.import_module(f"jobs.{kind}").JOBS if j.name == name)
    ready = (job.ours if side == OURS else job.peers[side]).prepare()
    for line in sys.stdin:
        if line.strip() == "warm":
            before = settled()
            with PeakMemory() as peak:
                (ready.fit or (lambda: ready.run(0)))()
            if ready.fit is not None:
                ready.run(0)
            told: dict[str, object] = {"extra_mb": round(max(peak.mb - before, 0.0), 1),
                                       "work": None if ready.work is None else asdict(ready.work),
                    "calls": ready.calls}  # fmt: skip
        else:
            wall, cpu = time.perf_counter(), time.process_time()
            found = ready.run(int(line))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            quality = {} if ready.quality is None else ready.quality(found)
            told = {"wall": wall / ready.calls, "cpu": cpu / ready.calls, "quality": quality}
        answers.write(json.dumps(told) + "\n")
        answers.flush()


def measure(kind: str, job: Job, turns: int) -> dict[str, Any]:
    """Return what a job takes: by side the seconds of each turn, memory and quality."""
    sides: dict[str, Side] = {OURS: job.ours, **job.peers}
    with ExitStack() as stack:
        at = {name: stack.enter_context(Process(kind, job.name, name, side.blas)) for name, side in sides.items()}
        found: dict[str, Any] = {name: {"wall": [], "cpu": [], "quality": [], **process.call("warm")}
                                 for name, process in at.items()}  # fmt: skip
        for turn in range(1, turns + 1):
            for name, process in at.items():
                for what, value in process.call(str(turn)).items():
                    found[name][what].append(value)
    return found


def build() -> str:
    """Return a hash of the machine, the libraries and the kernels: rows of another are measured again."""
    from serendip.kernels import compiled

    if not compiled.native:
        raise SystemExit("the compiled kernels are missing, and their twins are not what is timed: install serendip")
    digest = hashlib.sha256(Path(compiled.module.__file__).read_bytes())
    digest.update(repr([processor(), os.cpu_count(), *(f"{p} {version(p)}" for p in PEERS)]).encode())
    return digest.hexdigest()[:12]


def rows() -> dict[str, dict[str, Any]]:
    """Return what is kept, by job; of a job the last counts."""
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    return {row["job"]: row for row in map(json.loads, lines)}


def keep(row: Mapping[str, Any]) -> None:
    kept = rows() | {row["job"]: dict(row)}
    part = KEPT.with_suffix(".part")
    part.write_text("".join(json.dumps(one) + "\n" for one in kept.values()))
    part.replace(KEPT)


def seconds(times: list[float]) -> str:
    """Return the median with the least and the greatest, in a unit that suits."""
    middle = statistics.median(times)
    unit, scale = next(((u, s) for u, s in (("s", 1.0), ("ms", 1e3)) if middle * s >= 1), ("µs", 1e6))
    return f"{middle * scale:.3g} {unit} ({min(times) * scale:.3g} to {max(times) * scale:.3g})"


def ratio(ours: list[float], theirs: list[float]) -> str:
    each = [b / a for a, b in zip(ours, theirs, strict=True)]
    return f"{statistics.median(theirs) / statistics.median(ours):.2f} ({min(each):.2f} to {max(each):.2f})"


def mean(quality: list[dict[str, float]]) -> str:
    """Return each figure's mean over the turns, with its standard deviation where it varies."""
    parts = []
    for name in quality[0] if quality else ():
        values = [one[name] for one in quality]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        parts.append(f"{name} {statistics.mean(values):.4f}" + (f" ± {spread:.4f}" if spread > 5e-5 else ""))
    return ", ".join(parts)


def table(row: Mapping[str, Any], job: Job) -> list[str]:
    """Return the lines of a job, one a peer."""
    ours, lines = row["sides"][OURS], []
    for peer in job.peers:
        theirs = row["sides"][peer]
        bar = job.bars.get(peer)
        reached = statistics.median(theirs["wall"]) / statistics.median(ours["wall"])
        cells = [
            job.name,
            peer,
            str(len(ours["wall"])),
            seconds(ours["wall"]),
            seconds(theirs["wall"]),
            ratio(ours["wall"], theirs["wall"]),
            "" if bar is None else f"{bar:.3g}",
            "" if bar is None else "yes" if reached >= bar else "no",
            seconds(ours["cpu"]),
            seconds(theirs["cpu"]),
            ratio(ours["cpu"], theirs["cpu"]),
            f"{ours['extra_mb']:.0f}",
            f"{theirs['extra_mb']:.0f}",
            mean(ours["quality"]),
            mean(theirs["quality"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")  # fmt: skip
    return lines


HEAD = """| job | peer | turns | ours, wall | theirs, wall | ratio, wall | bar | reached | ours, CPU \
| theirs, CPU | ratio, CPU | ours, MB | theirs, MB | ours, quality | theirs, quality |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"""
INTRO = """## Speed beside other libraries

Made by `make bench-speed`: two threads, each side in a process of its own, turns one after the other. Times and ratios
are medians, with the least and the greatest of the turns; a job of more than a minute a turn has three turns, others
five or more. `bar` is how many times faster a job is to be, by wall time. Memory is what the first call added to the
process at its peak, the data left out. Sets: gowalla is LightGCN's split; 21M is drawn from power laws, 138,000 users,
27,000 items (benchmarks/synthetic.py). BPR's and WARP's settings are the best of those tried on a validation part, but
for LightFM's of BPR, its defaults (benchmarks/jobs/pairwise.py)."""


def write(jobs: Mapping[str, tuple[str, Job]]) -> None:
    """Write what is kept as a section of RESULTS.md."""
    kept = rows()
    limit = Limits.kept(kept[LIMITS])
    there = [(kept[name], job) for name, (_, job) in jobs.items() if name in kept]
    lines = [line for row, job in there for line in table(row, job)]
    near = ["| job | binds | reached | why below half, or above all |", "|---|---|---|---|"]
    for row, job in there:
        work, ours = row["sides"][OURS]["work"], row["sides"][OURS]
        if work is None:
            continue
        calls = ours["calls"]
        binds, share = limit.share(Work(**work), statistics.median(ours["wall"]) * calls)
        near.append(f"| {job.name} | {binds} | {share:.0%} | {'' if 0.5 <= share <= 1 else job.reason} |")
    days = ", ".join(sorted({row["day"] for row, _ in there}))
    body = [INTRO, HEAD + "\n" + "\n".join(lines), f"Measured on {days}; the table was written on {machine(*PEERS)}.",
            "### Beside the machine's limits", "Measured by benchmarks/limits.cpp in the same run, the best of three:",
            limit.table(), "\n".join(near)]  # fmt: skip
    write_section("speed", "\n\n".join(body))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", nargs="+", default=[], metavar="WORD", help="jobs whose name has one of these")
    asked.add_argument("--repeats", type=int, help="turns of each side")
    asked.add_argument("--again", action="store_true", help="measure what is kept already, too")
    asked.add_argument("--table", action="store_true", help="measure nothing")
    asked.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.worker:
        worker(*given.worker)
        return
    missing = [name for name, module in PEERS.items() if find_spec(module) is None]
    if missing:
        raise SystemExit(f"{', '.join(missing)}: not installed; the peers come with pip install -e '.[dev,bench]'")
    jobs = {job.name: (kind, job) for kind in KINDS for job in importlib.import_module(f"jobs.{kind}").JOBS}
    chosen = [name for name in jobs if not given.only or any(word in name for word in given.only)]
    if not chosen:
        raise SystemExit(f"no job has {' or '.join(given.only)} in its name: {'; '.join(jobs)}")
    of, failed = build(), []
    if not given.table and (given.again or rows().get(LIMITS, {}).get("of") != of):
        keep({"job": LIMITS, "of": of, **asdict(limits())})
    for name in [] if given.table else chosen:
        kind, job = jobs[name]
        if rows().get(name, {}).get("of") == of and not given.again:
            print(f"kept: {name}", flush=True)
            continue
        began = time.perf_counter()
        try:
            sides = measure(kind, job, given.repeats or job.turns)
        except (RuntimeError, OSError) as error:
            failed.append(f"{name}: {error}")
            continue
        row = {"job": name, "of": of, "day": f"{datetime.now(UTC):%Y-%m-%d}", "sides": sides}
        keep(row)
        print("\n".join(table(row, job)), f"# {time.perf_counter() - began:.0f} s", sep="\n", flush=True)
    write(jobs)
    if failed:
        raise SystemExit("not measured: " + "; ".join(failed))


if __name__ == "__main__":
    main()
