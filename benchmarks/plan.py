"""What `serendip plan` predicts beside what it comes to: `python benchmarks/plan.py [SET ...] [--only JOB]`, or
`make bench-plan`.

A job reads the set as a CSV file and fits, in a process of its own with one thread; its peak memory and the CPU seconds
of the fit are set against the plan, which must be within 15% and a factor of 2. Rows are kept in plan.jsonl as they are
done: a run that was cut off goes on, `--again` begins anew. The table goes to docs/planning.md.
"""

import argparse
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
KEPT = Path(__file__).with_name("plan.jsonl")
ALONE = {**os.environ, **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")}
MEMORY, TIME, RESOLVED = 0.15, 2.0, 0.1  # bars; a fit of less than a tenth of a second has no bar on time
LISTS = "popular als bpr warp itemknn userknn p3alpha puresvd nmf slim sansa"
ABOUT = {"content": "items", "demographic": "users", "userattributeknn": "users"}  # attributes that a job is given
OF_RATINGS = "latest demographic userattributeknn content logistic fm ffm gbt prefilter"
HYBRIDS = "weighted switching stacked cascade"
LATER = "gfcf bspm markov vsknn stan featuremf asvd knnbaseline"
JOBS = {
    "ml-1m": [*LISTS.split(), "als rank=256", "itemknn neighbours=200", "rp3beta", "ease", "slopeone", "svd", "svdpp",
              *LATER.split(), *OF_RATINGS.split(), *HYBRIDS.split(), "fwls", "augmented first=itemknn"],
    "lightgcn-gowalla": [
        "popular", "als", "bpr epochs=20", "warp epochs=10", "itemknn", "userknn", "p3alpha", "puresvd",
        "nmf epochs=10", "als rank=256", "itemknn neighbours=500",
    ],
    "session-diginetica": ["popular", "als", "itemknn", "itemknn neighbours=500", "userknn", "rp3beta", "puresvd"],
    "s3rec-beauty": [*LISTS.split(), "als rank=256", "rp3beta", "content", "logistic", "fm", "ffm", "gbt",
                     *HYBRIDS.split(), "augmented first=itemknn"],
    "ml-100k": [*LISTS.split(), "rp3beta", "ease", "slopeone", "svd", "svdpp", *LATER.split(),
                *OF_RATINGS.split(), *HYBRIDS.split(), "fwls", "augmented first=itemknn"],
}  # fmt: skip
NOT_CHOSEN_ON = ("s3rec-beauty",)  # the constants and formulas of the plan were chosen looking at the other sets


def write(name: str, path: Path) -> None:
    """Write a set as a CSV file, and attributes beside it."""
    tables = load_split(name).train if name == "lightgcn-gowalla" else load(name)
    events = tables.events
    for what, table in (("items", tables.items), ("users", tables.users)):
        table.write_parquet(path.with_suffix(f".{what}.parquet"))
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
        given = about(Path(path), name)
        data = read(path, items=given.get("items"), users=given.get("users"))
        began = time.process_time()
        algorithm.fit(data, run=Run(threads=1))
        took = time.process_time() - began
    print(json.dumps({"bytes": peak.mb * 2**20, "seconds": took}))


def about(path: Path, algorithm: str) -> dict[str, Path]:
    """Return the file of attributes that a job is given."""
    what = ABOUT.get(algorithm)
    return {} if what is None else {what: path.with_suffix(f".{what}.parquet")}


def answer(*command: str) -> Any:
    """Return what a process of one thread prints as JSON."""
    done = subprocess.run([sys.executable, *command], env=ALONE, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def row(name: str, path: Path, text: str) -> dict[str, Any]:
    """Return what was predicted of a job and what it came to."""
    algorithm, *settings = text.split()
    given = [part for one in settings for part in ("--set", f"{algorithm}.{one}")]
    given += [part for what, file in about(path, algorithm).items() for part in (f"--{what}", str(file))]
    plan = answer("-c", "from serendip.cli import main; main()", "plan", str(path), "--algorithm", algorithm, *given,
                  "--threads", "1", "--json")  # fmt: skip
    (told,) = plan["estimates"]
    return {"set": name, "job": text, "told": told, **answer(__file__, "--job", str(path), text)}


def line(found: dict[str, Any]) -> tuple[bool, str]:
    """Return whether a job kept both bars, and its row of the table."""
    told, memory, took = found["told"], found["bytes"], found["seconds"]
    error, ratio = told["job_bytes"] / memory - 1, told["cpu_seconds"] / took
    fast = took < RESOLVED
    held = abs(error) <= MEMORY and (fast or 1 / TIME <= ratio <= TIME)
    cells = [found["set"], "no" if found["set"] in NOT_CHOSEN_ON else "yes", found["job"],
             f"{told['job_bytes'] / 1e6:.0f}", f"{memory / 1e6:.0f}", f"{error:+.0%}", f"{told['cpu_seconds']:.2f}",
             f"{took:.2f}", "" if fast else f"{ratio:.2f}", "yes" if held else "no"]  # fmt: skip
    return held, f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [*JOBS, []]  # argparse checks the list of none, too
    parser.add_argument("names", metavar="SET", nargs="*", choices=known, help=f"{', '.join(JOBS)}; none: all")
    parser.add_argument("--only", metavar="JOB", help="one job of the sets, as `als rank=256`")
    parser.add_argument("--again", action="store_true", help="run rows that exist too")
    given = parser.parse_args()
    if given.again:
        KEPT.unlink(missing_ok=True)
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    kept = {(found["set"], found["job"]): found for found in map(json.loads, lines)}
    with tempfile.TemporaryDirectory() as folder:
        for name in given.names or JOBS:
            path = Path(folder) / f"{name}.csv"
            for text in JOBS[name]:
                if (name, text) in kept or given.only not in (None, text):
                    continue
                if not path.exists():
                    write(name, path)
                kept[name, text] = row(name, path, text)
                with KEPT.open("a") as file:
                    file.write(json.dumps(kept[name, text]) + "\n")
                print(line(kept[name, text])[1], flush=True)
    rows = [line(kept[name, text]) for name in JOBS for text in JOBS[name] if (name, text) in kept]
    head = ["| set | tuned on | algorithm | MB, plan | measured | error | CPU s, plan | measured | ratio | within |",
            "|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    held = f"{sum(kept for kept, _ in rows)} of {len(rows)} jobs keep both bars."
    table = "\n".join([*head, *(one for _, one in rows)])
    write_section("plan", f"{held}\n\n{table}\n\nMade by `make bench-plan`: {machine()}.", PAGE)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        job(*sys.argv[2:])
    else:
        main()
