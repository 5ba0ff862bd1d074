"""What newcomers get: `python benchmarks/coldstart.py [--only SET[:ALGORITHM]] [--again] [--page]`.

A fifth of the users, and apart from that a fifth of the items, are wholly withheld; then they bring their first 0, 1,
2, 5 and 10 events. What is to be foreseen is the same at every point: the successes after the tenth event. A user is
asked about all items; for new items every user is asked which of the new ones, so that none of the old stands before
them. Algorithms have their defaults, and what an algorithm does not answer popular does, as it would when it serves. A
row goes to coldstart.jsonl as soon as it is done; docs/coldstart.md is rendered from the rows.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from section import machine, write_section

from serendip.arrays import F32, I32, I64, Bool, offsets
from serendip.data.dataset import Dataset
from serendip.data.interactions import EventColumns, weigh
from serendip.data.queries import Queries
from serendip.data.split import place
from serendip.evaluation.measured import UserMean
from serendip.evaluation.protocol import judge
from serendip.evaluation.task import Task
from serendip.metrics.name import parse
from serendip.models.contract import Algorithm, Model, Run
from serendip.models.popular import Popular
from serendip.pipeline.pipeline import Pipeline
from serendip.registry import ALGORITHMS
from serendip.registry import load as load_class
from serendip.service.read import load
from serendip.stats.paired import compare

HERE = Path(__file__).parent
ROWS, DOCS = HERE / "coldstart.jsonl", HERE.parent / "docs"
SETS = {"ml-100k": "MovieLens 100K", "ml-1m": "MovieLens 1M"}
EVENTS = (0, 1, 2, 5, 10)
SHARE, SEED = 0.2, 0
METRIC = parse("ndcg@10")
USERS: dict[str, dict[str, object]] = {
    "demographic": {}, "userattributeknn": {}, "featuremf": {}, "content": {}, "itemknn": {}, "userknn": {},
    "ease": {}, "als": {}, "switching": {}, "weighted": {}, "stacked": {}, "logistic": {}, "fm": {}, "ffm": {},
    "gbt": {},
}  # fmt: skip
ITEMS: dict[str, dict[str, object]] = {
    "content": {}, "featuremf": {}, "augmented": {}, "itemknn": {}, "ease": {}, "als": {}, "switching": {},
    "weighted": {}, "logistic": {}, "fm": {}, "ffm": {}, "gbt": {},
}  # fmt: skip
SIDES: dict[str, dict[str, dict[str, object]]] = {"users": USERS, "items": ITEMS}
ABOUT = {"users": "New users", "items": "New items"}
BASELINE = {"users": "popular", "items": "random"}
Row = dict[str, Any]


@dataclass(frozen=True)
class ByChance(Model):
    """score(u, i) drawn at random: what a list of new items is worth that nobody has put in order."""

    def score(self, queries: Queries, item: I32 | None = None) -> F32:
        drawn = np.random.default_rng([SEED, *queries.user[:1]]).random((len(queries), self.n_items), np.float32)
        return drawn if item is None else np.where(item < 0, np.nan, np.take_along_axis(drawn, item, 1))


def drawn(n: int, count: I64) -> Bool:
    """Return a fifth of users or items at random, of those with enough events to be judged by.  # (n,)"""
    enough = np.flatnonzero(count > max(EVENTS))
    out = np.zeros(n, np.bool_)
    out[np.random.default_rng(SEED).permutation(enough)[: round(n * SHARE)]] = True
    return out


def successes(data: Dataset) -> Bool:
    """Return which events weigh something under the data's rules: ratings of 3 and more.  # (N,)"""
    columns = EventColumns(data.user, data.item, data.value, data.timestamp, data.type, data.types)
    return np.asarray(weigh(columns, data.rules) > 0)


def users(data: Dataset) -> Iterator[tuple[int, Dataset, Task]]:
    """Give the training part (the same at every point) and what newcomers with some events are asked."""
    new = drawn(data.n_users, np.diff(data.offset))[data.user]
    at, _ = place(data)
    train, test = data.where(~new), data.where(new & (at >= max(EVENTS)) & successes(data))
    for n in EVENTS:
        first = data.where(new & (at < n))
        task = Task.of(train, test, history=first)
        who = np.full(len(task), -1, np.int32)  # nobody that the model has met
        yield n, train, replace(task, queries=replace(task.queries, user=who))


def items(data: Dataset) -> Iterator[tuple[int, Dataset, Task]]:
    """Give the training part with the first events of the new items, and who is asked which new ones to take."""
    when = np.zeros(len(data), np.int64) if data.timestamp is None else data.timestamp
    order = np.lexsort((when, data.item))
    count = np.bincount(data.item, minlength=data.n_items)
    at = np.empty(len(data), np.int64)
    at[order] = np.arange(len(data)) - offsets(count)[data.item[order]]
    new = drawn(data.n_items, count)
    of_new = new[data.item]
    test = data.where(of_new & (at >= max(EVENTS)) & successes(data))
    who = np.unique(test.user)
    fresh = np.flatnonzero(new).astype(np.int32)
    pairs = np.repeat(who, len(fresh)), np.tile(fresh, len(who))
    for n in EVENTS:
        train = data.where(~of_new | (at < n))
        yield n, train, Task.of(train, test, candidates=pairs)


def configured(name: str, settings: dict[str, object]) -> Algorithm:
    """Return an algorithm by name."""
    algorithm: Algorithm = load_class(name, ALGORITHMS, "algorithm").configured(settings)
    return algorithm


def measured(
    set_name: str, side: str, name: str, settings: dict[str, object], points: Collection[int]
) -> Iterator[Row]:
    """Give the rows of one algorithm at some numbers of events, beside the baseline."""
    data = load(set_name)
    model: Model | None = None
    for n, train, task in (users if side == "users" else items)(data):
        if n not in points:
            continue
        began = time.perf_counter()
        if model is None or side == "items":
            model = configured(name, settings).fit(train, run=Run(seed=SEED))
        seconds, popular = time.perf_counter() - began, Popular().fit(train)
        found: dict[str, Any] = {name: model if name == "popular" else Pipeline(model, popular)}
        base = BASELINE[side]
        found[base] = popular if base == "popular" else ByChance(train.users, train.items, train.rules)
        values = {}
        for label, one in found.items():
            value = judge(one, task, (METRIC,))[METRIC]
            assert isinstance(value, UserMean)
            values[label] = value
        for label in dict.fromkeys([base, name]):
            mean = values[label].estimate(SEED)
            row: Row = {"set": set_name, "side": side, "algorithm": label, "events": n, "metric": str(METRIC),
                        "mean": mean.mean, "ci95": [mean.low, mean.high], "n_users": len(task)}  # fmt: skip
            if label != base:
                [against] = compare({base: values[base].value, name: values[name].value}, base, seed=SEED)
                row |= {"over": base, "difference": against.difference, "difference_ci95": [against.low, against.high],
                        "p": against.p, "fit_seconds": round(seconds, 2)}  # fmt: skip
            yield row


def rows() -> dict[tuple[str, str, str, int], Row]:
    """Return the rows at hand."""
    lines = ROWS.read_text().splitlines() if ROWS.exists() else []
    return {(r["set"], r["side"], r["algorithm"], r["events"]): r for r in map(json.loads, lines)}


def keep(row: Row) -> None:
    """Write a row in place of an older one of the same point."""
    key = (row["set"], row["side"], row["algorithm"], row["events"])
    every = {**rows(), key: row}
    ROWS.with_suffix(".tmp").write_text("".join(json.dumps(every[at]) + "\n" for at in sorted(every)))
    ROWS.with_suffix(".tmp").replace(ROWS)


def names_of(side: str, found: Sequence[Row]) -> list[str]:
    """Return what there are rows of, the best without events first, then the best with most."""
    first = {r["algorithm"]: r["mean"] for r in found if r["events"] == 0}
    last = {r["algorithm"]: r["mean"] for r in found if r["events"] == max(EVENTS)}
    return sorted(first, key=lambda name: (-round(first[name], 4), -last.get(name, 0.0)))


def whole(found: Sequence[Row]) -> list[Row]:
    """Return the rows of lines that have all their points."""
    points = Counter((r["side"], r["algorithm"]) for r in found)
    return [r for r in found if points[r["side"], r["algorithm"]] == len(EVENTS)]


def table(side: str, found: Sequence[Row]) -> str:
    """Return the means with what is beyond doubt above the baseline in bold."""
    lines = [f"| algorithm | {' | '.join(map(str, EVENTS))} |", f"|---|{'---|' * len(EVENTS)}"]
    at = {(r["algorithm"], r["events"]): r for r in found}
    for name in names_of(side, found):
        cells = []
        for n in EVENTS:
            row = at.get((name, n))
            sure = row is not None and row.get("difference_ci95", [0])[0] > 0
            cells.append("" if row is None else f"**{row['mean']:.4f}**" if sure else f"{row['mean']:.4f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def picture(found: Sequence[Row], path: Path) -> None:
    """Draw both sides of one set beside each other: a line an algorithm, the baseline dashed."""
    from serendip.service.charts import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, VERMILION, chart, png

    palette = [BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, "#8a6d3b", "#7f7f7f", "#b2182b", "#1b7837", "#6a51a3",
               "#0b3c5d", "#e78ac3", "#66c2a5", "#c7a500", "#ff7f9e"]  # fmt: skip
    names = sorted({r["algorithm"] for r in found if r["algorithm"] not in BASELINE.values()})
    scale = {"domain": [*names, *BASELINE.values()], "range": [*palette[: len(names)], INK, INK]}
    colour = {"field": "algorithm", "type": "nominal", "title": None, "scale": scale}
    dash = {"condition": {"test": f"indexof({list(BASELINE.values())}, datum.algorithm) >= 0", "value": [5, 4]},
            "value": [1, 0]}  # fmt: skip
    sides = []
    for side in SIDES:
        points = [{"algorithm": r["algorithm"], "events": str(r["events"]), "mean": r["mean"]}
                  for r in found if r["side"] == side]  # fmt: skip
        x = {"field": "events", "type": "ordinal", "sort": [str(n) for n in EVENTS], "axis": {"labelAngle": 0},
             "title": f"events of the {side[:-1]}"}  # fmt: skip
        y = {"field": "mean", "type": "quantitative", "title": str(METRIC)}
        mark = {"type": "line", "point": True, "strokeWidth": 2}
        encoding = {"x": x, "y": y, "color": colour, "strokeDash": dash}
        sides.append(chart(ABOUT[side], points, mark=mark, encoding=encoding, height=300))
    beside = [{k: v for k, v in one.items() if k not in ("config", "$schema")} for one in sides]
    spec = {"$schema": sides[0]["$schema"], "config": sides[0]["config"], "hconcat": beside}
    path.write_bytes(png(spec, scale=1.5))


def page() -> None:
    """Write the section of docs/coldstart.md and its pictures."""
    parts = []
    for set_name, title in SETS.items():
        found = whole([r for (name, *_), r in rows().items() if name == set_name])
        if not found:
            continue
        picture(found, DOCS / "img" / f"coldstart-{set_name}.png")
        parts += [f"### {title}", f"![New users and new items of {title}](img/coldstart-{set_name}.png)"]
        for side in SIDES:
            here = [r for r in found if r["side"] == side]
            if here:
                n = here[0]["n_users"]
                parts += [f"{ABOUT[side]}, {METRIC} by the number of their events, {n:,} users asked:",
                          table(side, here)]  # fmt: skip
    parts.append(f"Made by `python benchmarks/coldstart.py`: {machine()}.")
    write_section("coldstart", "\n\n".join(parts), DOCS / "coldstart.md")


def main() -> None:
    """Run what is asked for and not yet there, then render."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="SET[:ALGORITHM]", action="append", help="may be repeated")
    parser.add_argument("--again", action="store_true", help="run rows that exist too")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    given = parser.parse_args()
    for set_name in [] if given.page else SETS:
        for side, names in SIDES.items():
            for name, settings in names.items():
                if given.only and set_name not in given.only and f"{set_name}:{name}" not in given.only:
                    continue
                points = [n for n in EVENTS if given.again or (set_name, side, name, n) not in rows()]
                for row in measured(set_name, side, name, settings, points) if points else ():
                    keep(row)
                    print(set_name, side, row["algorithm"], row["events"], f"{row['mean']:.4f}", flush=True)
    page()


if __name__ == "__main__":
    main()
