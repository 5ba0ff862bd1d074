"""Every ranking method on a real shop: `python benchmarks/retail.py [--only ALGORITHM] [--again] [--render]`.

Online Retail (Chen, Sain, Guo, 2012), read from the raw invoices as `serendip ingest` reads them, under the default
split: the last fifth of the events in time, and of them what a customer buys for the first time. Each algorithm, with
its default hyperparameters and popular behind it, learns from purchases alone, and once more under the interaction
rules that a validation part prefers: the last fifth in time of the training part. A row goes to retail.jsonl as soon as
it is done; RESULTS.md is rendered from the rows.
"""

import argparse
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from section import machine, write_section

from serendip.config import Settings
from serendip.data.catalogue import path
from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.data.split import by_time
from serendip.errors import UserError
from serendip.evaluation.measured import UserMean
from serendip.evaluation.protocol import judge
from serendip.evaluation.task import Task
from serendip.metrics.name import parse_all
from serendip.models.contract import Run
from serendip.models.popular import Popular
from serendip.pipeline.pipeline import Pipeline
from serendip.registry import ALGORITHMS
from serendip.registry import load as load_class
from serendip.service.portfolio import ready
from serendip.service.read import tables
from serendip.stats.paired import compare

ROWS = Path(__file__).parent / "retail.jsonl"
METRICS = parse_all("ndcg@10,recall@10,hr@10")
SEED = 0
NAMES = [name for name in ALGORITHMS if load_class(name, ALGORITHMS, "algorithm").ranks]  # not those of ratings
Row = dict[str, Any]


@dataclass(frozen=True)
class Weighing:
    """What purchases, returns and repetition are worth.

    returns: whether what was sent back is taken off. repeat: a pair weighs once, by the number of its purchases
    (times), or by the pieces bought (pieces). half_life: days after which an event counts half, None for no decay.
    """

    returns: bool = False
    repeat: str = "once"
    half_life: float | None = None

    def of(self, data: Dataset) -> Dataset:
        """Return the events under these rules."""
        code = {name: c for c, name in enumerate(data.types)}
        assert data.type is not None
        kept = data if self.returns else data.where(data.type == code["purchase"])
        if self.repeat == "times":
            kept = replace(kept, value=None)
        weights = {"purchase": 1.0, "return": 0.0}
        return kept.ruled(InteractionRules(weights, None, self.repeat != "once", self.half_life))

    def __str__(self) -> str:
        decay = "" if self.half_life is None else f", half-life {self.half_life:g} days"
        return f"{'less returns' if self.returns else 'returns left out'}, {self.repeat}{decay}"


ALONE = Weighing()
SPACE = [Weighing(*row) for row in itertools.product((False, True), ("once", "times", "pieces"), (None, 90.0))]
ALIKE = frozenset({"bpr", "warp", "logistic", "fm", "ffm", "gbt"})  # every pair or event that is left counts alike


def different(name: str) -> list[Weighing]:
    """Return the ways that do not come to the same for an algorithm.

    Where all that is left counts alike it matters only whether returns are taken off, and counted by pieces or times.
    """
    if name not in ALIKE:
        return SPACE
    return [Weighing(), Weighing(returns=True), Weighing(returns=True, repeat="times")]


def values(name: str, train: Dataset, test: Dataset, weighing: Weighing) -> dict[str, Any]:
    """Return what each test user gets from an algorithm, by metric; popular, of purchases alone, stands behind it."""
    taught = weighing.of(train)
    task = Task.of(taught, test)
    model = load_class(name, ALGORITHMS, "algorithm")().fit(taught, run=Run(seed=SEED))
    behind = Popular().fit(ALONE.of(train))
    found = judge(model if name == "popular" else Pipeline(model, behind), task, METRICS, name=name)
    return {str(m): v.value for m, v in found.items() if isinstance(v, UserMean)}


def parts(data: Dataset) -> tuple[Dataset, Dataset]:
    """Return the earlier events, and the later purchases of what is new to their customer."""
    split = by_time(ALONE.of(data))
    after = ready(split, Settings()).test
    cutoff = split.cutoff
    assert data.timestamp is not None and cutoff is not None
    return data.where(data.timestamp < cutoff), after


def measured(name: str, data: Dataset) -> Iterator[Row]:
    """Give two rows of an algorithm: of purchases alone, and under the rules that validation prefers."""
    train, test = parts(data)
    main = str(METRICS[0])
    popular = values("popular", train, test, ALONE)

    def row(kind: str, weighing: Weighing, found: dict[str, Any]) -> Row:
        row: Row = {"algorithm": name, "kind": kind, "weighing": str(weighing), "n_users": len(found[main]),
                    "metrics": {m: float(v.mean()) for m, v in found.items()}}  # fmt: skip
        if name != "popular" or weighing != ALONE:
            [against] = compare({"popular": popular[main], "it": found[main]}, "popular", seed=SEED)
            row |= {"difference": against.difference, "ci95": [against.low, against.high], "p": against.p}
        return row

    alone = values(name, train, test, ALONE)
    yield row("purchases only", ALONE, alone)
    early, late = parts(train)
    scores = {}
    for weighing in different(name):
        try:
            scores[weighing] = float(values(name, early, late, weighing)[main].mean())
        except UserError as error:  # some cannot learn from numbers of pieces
            print(f"  {name}, {weighing}: {error}", flush=True)
    best = max(scores, key=lambda w: scores[w])
    learned = row("learned", best, alone if best == ALONE else values(name, train, test, best))
    yield learned | {"validation": scores[best]}


def kept() -> dict[tuple[str, str], Row]:
    """Return the rows at hand."""
    lines = ROWS.read_text().splitlines() if ROWS.exists() else []
    return {(r["algorithm"], r["kind"]): r for r in map(json.loads, lines)}


def keep(row: Row) -> None:
    """Write a row in place of an older one."""
    every = kept() | {(row["algorithm"], row["kind"]): row}
    ROWS.with_suffix(".tmp").write_text("".join(json.dumps(every[key]) + "\n" for key in sorted(every)))
    ROWS.with_suffix(".tmp").replace(ROWS)


def render() -> None:
    """Write the section of RESULTS.md."""
    rows = sorted(kept().values(), key=lambda r: -r["metrics"][str(METRICS[0])])
    if not rows:
        return
    names = [str(m) for m in METRICS]
    lines = [f"| algorithm | learns from | {' | '.join(names)} | over popular, 95% interval |",
             f"|---|---|{'---|' * len(names)}---|"]  # fmt: skip
    for r in rows:
        over = ""
        if "ci95" in r:
            over = f"{r['difference']:+.4f} ({r['ci95'][0]:+.4f} to {r['ci95'][1]:+.4f})"
        means = " | ".join(f"{r['metrics'][m]:.4f}" for m in names)
        said = r["kind"] if r["kind"] == "purchases only" else f"learned: {r['weighing']}"
        lines.append(f"| {r['algorithm']} | {said} | {means} | {over} |")
    n = rows[0]["n_users"]
    write_section("retail", (
        "## A real shop: Online Retail\n\n"
        "Made by `python benchmarks/retail.py`: the raw invoices, the default split in time, "
        f"{n:,} customers who bought something new later, every product ranked, popular behind each algorithm, "
        "default hyperparameters. `learned`: what purchases, returns and repetition are worth was chosen on the last "
        f"fifth in time of the training part, out of {len(SPACE)} ways, for each algorithm. Intervals are paired by "
        "customer.\n\n" + "\n".join(lines) + f"\n\nMeasured on {machine()}."
    ))  # fmt: skip


def main() -> None:
    """Run what is asked for and not yet there, then render."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="ALGORITHM", action="append", help="may be repeated")
    parser.add_argument("--again", action="store_true", help="run rows that exist too")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    given = parser.parse_args()
    data = None
    for name in () if given.render else given.only or NAMES:
        if (name, "learned") in kept() and not given.again:
            continue
        data = data or Dataset.of(tables(path("online-retail")))
        try:
            for row in measured(name, data):
                keep(row)
                print(name, row["weighing"], round(row["metrics"][str(METRICS[0])], 4), flush=True)
        except UserError as error:
            print(f"{name} is left out: {error}", flush=True)
            continue
        render()
    render()


if __name__ == "__main__":
    main()
