"""What `serendip plan` foretells beside what it comes to: `python benchmarks/plan.py [SET ...]`, or `make bench-plan`.

A job reads the set as a CSV file and fits, in a process of its own with one thread; its peak memory and the CPU seconds
of the fit are set against the plan, which must be within 15% and a factor of 2. The table goes to docs/planning.md.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from section import machine, write_section

from serendip.data.catalogue import load, load_split

PAGE = Path(__file__).parents[1] / "docs" / "planning.md"
ALONE = {**os.environ, **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")}
MEMORY, TIME, RESOLVED = 0.15, 2.0, 0.1  # bars; a fit of less than a tenth of a second has no bar on time
JOBS = {
    "ml-1m": ["popular", "als", "als rank=256", "itemknn", "itemknn neighbours=200", "userknn", "svd", "ease"],
    "lightgcn-gowalla": ["popular", "als", "als rank=256", "itemknn", "itemknn neighbours=500", "userknn"],
    "session-diginetica": ["popular", "als", "itemknn", "itemknn neighbours=500", "userknn"],
    "s3rec-beauty": ["popular", "als", "als rank=256", "itemknn", "userknn"],
    "ml-100k": ["als", "itemknn", "svd", "ease"],
}
CHOSEN_ON = ("ml-1m", "lightgcn-gowalla")  # the constants of the plan were; the other sets had no part in them


def write(name: str, path: Path) -> None:
    """Write a set as a CSV file."""
    events = load_split(name).train.events if name == "lightgcn-gowalla" else load(name).events
    there = [c for c in ("user_id", "item_id", "value", "timestamp") if events[c].null_count() < len(events)]
    events.select(there).write_csv(path)


def job(path: str, text: str) -> None:
    """Read and fit; print the peak memory of the process and the CPU seconds of the fit."""
    from serendip.evaluation.memory import PeakMemory
    from serendip.models.contract import Run
    from serendip.service.evaluate import configured
    from serendip.service.read import read

    name, *settings = text.split()
    (algorithm,) = configured(name, [f"{name}.{one}" for one in settings])
    with PeakMemory() as peak:
        data = read(path)
        began = time.process_time()
        algorithm.fit(data, run=Run(threads=1))
        took = time.process_time() - began
    print(json.dumps({"bytes": peak.mb * 2**20, "seconds": took}))


def answer(*command: str) -> Any:
    """Return what a process of one thread prints as JSON."""
    done = subprocess.run([sys.executable, *command], env=ALONE, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    lines = ["| set | tuned on | algorithm | MB, plan | measured | error | CPU s, plan | measured | ratio | within |",
             "|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or JOBS:
            path = Path(folder) / f"{name}.csv"
            write(name, path)
            for text in JOBS[name]:
                algorithm, *settings = text.split()
                given = [part for one in settings for part in ("--set", f"{algorithm}.{one}")]
                plan = answer("-c", "from serendip.cli import main; main()", "plan", str(path), "--algorithm",
                              algorithm, *given, "--threads", "1", "--json")  # fmt: skip
                (told,) = plan["estimates"]
                done = answer(__file__, "--job", str(path), text)
                memory, took = done["bytes"], done["seconds"]
                error, ratio = told["job_bytes"] / memory - 1, told["cpu_seconds"] / took
                fast = took < RESOLVED
                held = abs(error) <= MEMORY and (fast or 1 / TIME <= ratio <= TIME)
                cells = [name, "yes" if name in CHOSEN_ON else "no", text,
                         f"{told['job_bytes'] / 1e6:.0f}", f"{memory / 1e6:.0f}", f"{error:+.0%}",
                         f"{told['cpu_seconds']:.2f}", f"{took:.2f}", "" if fast else f"{ratio:.2f}",
                         "yes" if held else "no"]  # fmt: skip
                lines.append(f"| {' | '.join(cells)} |")
                print(lines[-1], flush=True)
    write_section("plan", "\n".join(lines) + f"\n\nMade by `make bench-plan`: {machine()}.", PAGE)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        job(*sys.argv[2:])
    else:
        main()
