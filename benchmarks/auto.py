"""Automatic choice on public data: `python benchmarks/auto.py [--only SET] [--minutes N]`.

Each set's training part is given to `auto` for so many minutes, and what it chooses is fitted on all of the training
part and judged on the test part under the set's own protocol, with popular behind it as it would serve, beside the
best of our rows in accuracy.jsonl and retail.jsonl and, where there is none, the best of some algorithms with their
defaults. A row goes to auto.jsonl as soon as it is done. The sets are looked for as `serendip.data.catalogue` does:
$SERENDIP_DATA, the cache, the official address.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import retail
from accuracy import gowalla, ncf, rows
from section import processor, write_section

from serendip.config import Evaluation, Objective, Settings
from serendip.data.catalogue import path
from serendip.data.dataset import Dataset
from serendip.data.split import last_share
from serendip.errors import UserError
from serendip.evaluation.measured import UserMean
from serendip.evaluation.protocol import judge
from serendip.evaluation.task import Task
from serendip.metrics.name import Metric, parse
from serendip.models.contract import Algorithm, Run
from serendip.models.popular import Popular
from serendip.pipeline.pipeline import Pipeline
from serendip.registry import ALGORITHMS
from serendip.registry import load as load_class
from serendip.service.auto import auto
from serendip.service.looking import told
from serendip.service.read import load, read

ROWS = Path(__file__).parent / "auto.jsonl"
INTRO = """## Automatic choice

Made by `python benchmarks/auto.py`: the training part is given to `auto` for so many minutes, and what it chooses is
judged on the test part beside the best of ours there, by this page's other tables where they have the set under the
same protocol. `load`: how many processes wanted the cores at the end; a search among others' work gets less far.
Two searches of 3 and 5 minutes on online-retail among a load of about 25, before what they taught was mended, came to
77% and have no row."""
HEAD = """| set | minutes | fits | metric | auto | best of ours | share | bar | reached | load | when, where | chosen |
|---|---|---|---|---|---|---|---|---|---|---|---|"""
DEFAULTS = ("popular", "itemknn", "userknn", "rp3beta", "ease", "slim", "als", "bpr", "weighted")


def shop() -> Task:
    """Return the default global split in time of the shop's purchases, as retail.py has it."""
    return Task.of(*retail.parts(read(path("online-retail"))))


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


def as_served(algorithm: Algorithm, train: Dataset, task: Task, metric: Metric) -> float:
    """Return what an algorithm fitted on `train` comes to with popular behind it."""
    fallback = Popular().fit(train)
    found = judge(Pipeline(algorithm.fit(train), fallback), task, (metric,), name=algorithm.name)[metric]
    assert isinstance(found, UserMean)
    return found.estimate().mean


def best_of_ours(name: str, task: Task, metric: Metric) -> tuple[str, float]:
    """Return the best row of accuracy.jsonl or retail.jsonl on a set, else the best of some with their defaults."""
    known = {a: row["metrics"][str(metric)] for (s, a), row in rows().items()
             if s == name and str(metric) in row["metrics"]}  # fmt: skip
    if name == "online-retail":
        known |= {f"{a}, {row['weighing']}": row["metrics"][str(metric)] for (a, _), row in retail.kept().items()}
    for one in () if known else DEFAULTS:
        try:
            known[one] = as_served(load_class(one, ALGORITHMS, "algorithm")(), task.train, task, metric)
        except UserError as error:
            print(f"  {one} is left out: {error}")
    best = max(known, key=lambda a: known[a])
    return best, float(known[best])


def measured(name: str, minutes: float) -> dict[str, Any]:
    """Return the row of one set."""
    make, text, split, _, bar = SETS[name]
    task, metric = make(), parse(text)
    settings = Settings(evaluation=Evaluation(split=split, metrics=[text]), objective=Objective(metric=text))
    began = time.monotonic()
    found = auto(task.train, settings, minutes, run=Run(), heard=lambda text: print(f"  {text}", flush=True))
    searched = time.monotonic() - began
    mean = as_served(found.algorithm, task.train.ruled(found.rules), task, metric)
    seconds = time.monotonic() - began
    other, best = best_of_ours(name, task, metric)
    return {
        "set": name, "metric": text, "minutes": minutes, "mean": mean, "chosen": told(found.algorithm),
        "interactions": found.interactions,
        "best_of_ours": other, "its_mean": best, "share": mean / best, "bar": bar, "reached": mean >= bar * best,
        "auto_seconds": round(searched, 1), "seconds": round(seconds, 1), "fits": len(found.entries),
        "load": round(os.getloadavg()[0], 1), "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} cores, {processor()}",
    }  # fmt: skip


def write() -> None:
    """Write what is kept as a section of RESULTS.md."""
    lines = [
        f"| {r['set']} | {r['minutes']:g} | {r['fits']} | {r['metric']} | {r['mean']:.4f} | {r['best_of_ours']} "
        f"{r['its_mean']:.4f} | {r['share']:.1%} | {r['bar']:.0%} | {'yes' if r['reached'] else 'no'} | "
        f"{r['load']:g} | {r['date']}, {r['machine']} | {r['chosen']} |"
        for r in map(json.loads, ROWS.read_text(encoding="utf-8").splitlines())
    ]
    write_section("auto", f"{INTRO}\n\n{HEAD}\n" + "\n".join(lines))


def main() -> None:
    """Measure the sets that are named, all of them where none is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="SET", action="append", choices=list(SETS), help="may be repeated")
    parser.add_argument("--minutes", type=float, help="in place of 15, or 60 on gowalla")
    parser.add_argument("--render", action="store_true", help="measure nothing, write the table")
    given = parser.parse_args()
    for name in () if given.render else given.only or SETS:
        row = measured(name, given.minutes or SETS[name][3])
        print(json.dumps(row), flush=True)
        with open(ROWS, "a", encoding="utf-8") as out:
            out.write(json.dumps(row) + "\n")
    write()


if __name__ == "__main__":
    main()
