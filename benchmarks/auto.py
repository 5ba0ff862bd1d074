"""Automatic choice on public data: `python benchmarks/auto.py [--only SET] [--minutes N]`.

Each set's training part is given to `auto` for so many minutes, and what it chooses is fitted on all of the training
part and judged on the test part under the set's own protocol, beside the best of our rows in accuracy.jsonl and, where
there is none, beside the best of the portfolio with its defaults. A row goes to auto.jsonl as soon as it is done. The
sets are looked for as `serendip.data.catalogue` does: $SERENDIP_DATA, the cache, the official address.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from accuracy import BENCHES, gowalla, ncf, rows

from serendip.config import Evaluation, Objective, Settings
from serendip.data.catalogue import path
from serendip.data.split import last_share
from serendip.errors import UserError
from serendip.evaluation.report import evaluate
from serendip.evaluation.task import Task
from serendip.metrics.name import parse_all
from serendip.models.contract import Run
from serendip.registry import ALGORITHMS
from serendip.registry import load as load_class
from serendip.service.auto import auto, told
from serendip.service.portfolio import contest
from serendip.service.read import load, read

ROWS = Path(__file__).parent / "auto.jsonl"
DEFAULTS = ("popular", "itemknn", "userknn", "rp3beta", "ease", "slim", "als", "bpr", "weighted")


def shop() -> Task:
    """Return the default global split in time of the shop's purchases."""
    return contest(read(path("online-retail")), Settings()).task


def movies() -> Task:
    """Return the last fifth of each user's time, films rated 3 or more being relevant."""
    return Task.of_split(last_share(load("ml-100k")))


def test_of(parts: Callable[[], Any]) -> Callable[[], Task]:
    """Return the test task of a protocol of accuracy.py."""
    return lambda: next(iter(parts()))[1]  # type: ignore[no-any-return]


SETS: dict[str, tuple[Callable[[], Task], str, str, float, float]] = {
    # task, primary metric, split within the training part, minutes, the share of the best of ours to reach
    "ml-100k/last-share": (movies, "ndcg@10", "last-share", 15, 0.98),
    "online-retail": (shop, "ndcg@10", "time", 15, 0.98),
    "ncf-ml-1m": (test_of(ncf), "ndcg@10", "last-out", 15, 0.98),
    "lightgcn-gowalla": (test_of(gowalla), "ndcg@20", "random", 60, 0.95),
}


def best_of_ours(name: str, task: Task, metric: str) -> tuple[str, float]:
    """Return the best row of accuracy.jsonl on a set, else the best of some algorithms with their defaults."""
    known = {a: row["metrics"][metric] for (s, a), row in rows().items() if s == name and metric in row["metrics"]}
    if not known or name not in BENCHES:
        for one in DEFAULTS:
            algorithm = load_class(one, ALGORITHMS, "algorithm")()
            try:
                known[one] = evaluate(algorithm, task, parse_all(metric)).estimates[parse_all(metric)[0]].mean
            except UserError as error:
                print(f"  {one} is left out: {error}")
    best = max(known, key=lambda a: known[a])
    return best, float(known[best])


def measured(name: str, minutes: float) -> dict[str, Any]:
    """Return the row of one set."""
    make, metric, split, _, bar = SETS[name]
    task = make()
    settings = Settings(evaluation=Evaluation(split=split, metrics=[metric]), objective=Objective(metric=metric))
    began = time.monotonic()
    found = auto(task.train, settings, minutes, run=Run(), heard=lambda text: print(f"  {text}", flush=True))
    searched = time.monotonic() - began
    report = evaluate(found.algorithm, task, parse_all(metric))
    seconds = time.monotonic() - began
    mean = report.estimates[parse_all(metric)[0]].mean
    other, best = best_of_ours(name, task, metric)
    return {
        "set": name, "metric": metric, "minutes": minutes, "mean": mean, "chosen": told(found.algorithm),
        "best_of_ours": other, "its_mean": best, "share": mean / best, "bar": bar, "reached": mean >= bar * best,
        "auto_seconds": round(searched, 1), "seconds": round(seconds, 1), "fits": len(found.entries),
        "load": round(os.getloadavg()[0], 1), "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
    }  # fmt: skip


def main() -> None:
    """Measure the sets that are named, all of them where none is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="SET", action="append", choices=list(SETS), help="may be repeated")
    parser.add_argument("--minutes", type=float, help="in place of 15, or 60 on gowalla")
    given = parser.parse_args()
    for name in given.only or SETS:
        row = measured(name, given.minutes or SETS[name][3])
        print(json.dumps(row), flush=True)
        with open(ROWS, "a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
