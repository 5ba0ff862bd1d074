"""Compressed models beside the exact ones: `python benchmarks/compress.py [SET ...]`, or `make bench-compress`.

Size on disk, time of one query, CPU time of all users, recall@10 and NDCG@10. The table goes to docs/compression.md.
The sets are looked for as `serendip.data.catalogue` does: $SERENDIP_DATA, the cache, the official address.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from section import machine, write_section

from serendip.data.catalogue import load, load_split
from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.data.split import last_share
from serendip.data.tables import Tables
from serendip.evaluation.protocol import judge
from serendip.evaluation.task import Task
from serendip.metrics.name import parse_all
from serendip.models.als import ALS
from serendip.models.compressed import compressed
from serendip.models.contract import Algorithm, Model, Run
from serendip.models.ease import EASE
from serendip.models.itemknn import ItemKNN
from serendip.store.artefacts import save

PAGE = Path(__file__).parents[1] / "docs" / "compression.md"
METRICS = parse_all("recall@10,ndcg@10")
RULES = InteractionRules(weights={})  # every row weighs 1
THREADS, SINGLE, REPEATS = 2, 200, 5
FACTORS = ("float16", "int8", "ann")
WEIGHTS = ("float16", "int8", "pruned:0.3", "pruned:0.1", "pruned:0.03", "pruned:0.1+int8")


def ml_1m() -> Task:
    """Return MovieLens 1M: of each user the last fifth is tested."""
    events = load("ml-1m").events.select("user_id", "item_id", "timestamp")
    return Task.of_split(last_share(Dataset.of(Tables(events), RULES), 0.2))


def gowalla() -> Task:
    """Return LightGCN's split of Gowalla."""
    found = load_split("lightgcn-gowalla")
    train, test = (part.events.select("user_id", "item_id") for part in (found.train, found.test))
    return Task.of_tables(Tables(train), test, RULES)


BENCHES: dict[str, tuple[Callable[[], Task], list[tuple[Algorithm, tuple[str, ...]]]]] = {
    "ml-1m": (ml_1m, [(ALS(), FACTORS), (EASE(), WEIGHTS), (ItemKNN(neighbours=200), WEIGHTS)]),
    "lightgcn-gowalla": (gowalla, [(ALS(), FACTORS)]),
}


def forms(model: Model, names: tuple[str, ...]) -> Iterator[tuple[str, Model]]:
    """Give the exact model, and it in each form; pruned:SHARE+int8 is one after the other."""
    yield "exact", model
    for name in names:
        small = model
        for step in name.split("+"):
            to, _, keep = step.partition(":")
            small = compressed(small, to, float(keep or 0.1))
        yield name, small


def on_disk(model: Model) -> float:
    """Return the MB of the model's arrays as saved."""
    with tempfile.TemporaryDirectory() as folder:
        save(model, Path(folder) / "model")
        return (Path(folder) / "model" / "state.safetensors").stat().st_size / 1e6


def times(model: Model, task: Task) -> tuple[float, float]:
    """Return the median ms of one query, and the median CPU seconds of all, which other work does not lengthen."""
    out = task.queries.history.lists
    drawn = np.random.default_rng(0).choice(len(task.queries), SINGLE)
    one = []
    for user in drawn:
        query, seen = task.queries.rows(slice(user, user + 1)), out.rows(slice(user, user + 1))
        began = time.perf_counter()
        model.recommend(query, 10, exclude=seen)
        one.append(time.perf_counter() - began)
    every = []
    for _ in range(REPEATS):
        began = time.process_time()
        model.recommend(task.queries, 10, exclude=out)
        every.append(time.process_time() - began)
    return float(np.median(one)) * 1e3, float(np.median(every))


def main() -> None:
    lines = ["| set | algorithm | form | MB on disk | one query, ms | all, CPU s | recall@10 | NDCG@10 | same top |",
             "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for name in sys.argv[1:] or BENCHES:
        make, models = BENCHES[name]
        task = make()
        for algorithm, names in models:
            fitted = algorithm.fit(task.train, run=Run(threads=THREADS))
            exact = None
            for form, model in forms(fitted, names):
                found = judge(model, task, METRICS, name=algorithm.name)
                recall, ndcg = (found[metric].estimate(0).mean for metric in METRICS)
                items = model.recommend(task.queries, 10, exclude=task.queries.history.lists).item
                exact = items if exact is None else exact
                same = np.mean(
                    [np.isin(a[a >= 0], b).mean() for a, b in zip(exact, items, strict=True) if (a >= 0).any()]
                )
                one, every = times(model, task)
                lines.append(f"| {name} | {algorithm.name} | {form} | {on_disk(model):.1f} | {one:.2f} | {every:.2f} | "
                             f"{recall:.4f} | {ndcg:.4f} | {same:.1%} |")  # fmt: skip
                print(lines[-1], flush=True)
    body = "\n".join(lines) + f"\n\nMade by `make bench-compress`: {machine('faiss-cpu')}; two threads."
    write_section("compression", body, PAGE)


if __name__ == "__main__":
    main()
