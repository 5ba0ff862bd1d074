"""What re-ranking costs and brings: `python benchmarks/reranking.py [USERS]`, or `make bench-reranking`.

MovieLens 1M, the last fifth of each user's ratings withheld; EASE; 200 candidates; NDCG@10 beside how unlike the ten
films of a slate are in their genres, and how far the slate's genres are from the history's. The table goes to
docs/pipelines.md; nothing is chosen by it.
"""

import sys
import time
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from section import machine, write_section

from serendip.data.catalogue import load
from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.data.split import last_share
from serendip.data.tables import Tables
from serendip.evaluation.task import Task
from serendip.metrics.diversity import diversity
from serendip.models.ease import EASE
from serendip.pipeline.about import About
from serendip.pipeline.made import Asked
from serendip.pipeline.order import Caps, ordered
from serendip.pipeline.pipeline import Pipeline
from serendip.pipeline.stages import Source, Stages
from serendip.pipeline.surface import Surface
from serendip.rerank.calibration import Calibration, divergence
from serendip.rerank.dpp import DPP
from serendip.rerank.exploration import Exploration
from serendip.rerank.mmr import MMR
from serendip.stats.bootstrap import estimate

PAGE = Path(__file__).parents[1] / "docs" / "pipelines.md"
K, DEPTH, USERS = 10, 200, 2000
WAYS = {
    "none": (),
    **{f"mmr:relevance={x:g}": (MMR(x),) for x in (0.9, 0.7, 0.5, 0.3)},
    **{f"dpp:relevance={x:g}": (DPP(x),) for x in (0.95, 0.9, 0.8, 0.5)},
    **{f"calibration:weight={x:g}": (Calibration(x),) for x in (0.3, 0.5, 0.7, 0.9)},
    **{f"explore:epsilon={x:g}:slots=3": (Exploration(x, 3),) for x in (0.1, 0.5)},
}


def task() -> Task:
    """Return MovieLens 1M: of each user the last fifth is tested."""
    found = load("ml-1m")
    tables = Tables(found.events.select("user_id", "item_id", "timestamp"), found.items)
    return Task.of_split(last_share(Dataset.of(tables, InteractionRules(weights={})), 0.2))


def main(users: int) -> None:
    """Measure every way on the same users, and write the table."""
    asked = task()
    model = EASE().fit(asked.train)
    about = About.of(asked.train.item_features, "genres", asked.train.n_items)
    assert about.classes is not None
    surface = Surface(Pipeline(model), Stages(retrieve=(Source("model", DEPTH),)), about=about)
    who = np.sort(np.random.default_rng(0).permutation(len(asked))[:users])
    item = {way: np.full((len(who), K), -1, np.int32) for way in WAYS}
    took = dict.fromkeys(WAYS, 0.0)
    distance = {way: np.zeros(len(who)) for way in WAYS}
    for row, user in enumerate(who.tolist()):
        queries = asked.queries.rows(slice(user, user + 1))
        question = Asked(queries, K)
        shut, _ = surface.filtered(question)
        ranked, _ = surface.ranked(question, surface.retrieved(question, shut))
        history = queries.history.item
        taste = about.taste(history)
        for way, steps in WAYS.items():
            began = time.process_time()
            index, _, _ = ordered(ranked, steps, about, history, K, Caps((), history[:0]), user)
            took[way] += time.process_time() - began
            item[way][row, : len(index)] = ranked.item[index]
            shown = about.classes.rows(ranked.item[index])
            distance[way][row] = divergence(taste, shown.mean(axis=0, keepdims=True).astype(np.float64))[0]
    relevant, genres = asked.relevant.rows(who), csr_array(about.classes.share)
    lines = ["| re-ranking | NDCG@10 (95% interval) | diversity@10 | C_KL@10 | coverage@10 | CPU ms a slate |",
             "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for way in WAYS:
        ndcg = np.array([gain(item[way][b], relevant.item[relevant.offset[b] : relevant.offset[b + 1]])
                         for b in range(len(who))])  # fmt: skip
        unlike = np.nanmean(diversity(item[way], genres, K))
        found = estimate(ndcg)
        covered = len(np.unique(item[way])) / model.n_items
        bounds, ms = f"{found.low:.4f}-{found.high:.4f}", 1e3 * took[way] / len(who)
        lines.append(f"| `{way}` | {found.mean:.4f} ({bounds}) | {unlike:.3f} | {distance[way].mean():.3f}"
                     f" | {covered:.3f} | {ms:.2f} |")  # fmt: skip
        print(lines[-1], flush=True)
    said = f"MovieLens 1M, {len(who):,} users drawn at random, EASE, {DEPTH} candidates. {machine()}."
    write_section("reranking", "\n".join([*lines, "", said]), PAGE)


def gain(shown: np.ndarray, relevant: np.ndarray) -> float:
    """Return NDCG@10 of one slate: binary gain, ideal over min(10, relevant)."""
    hit = np.isin(shown, relevant)
    discount = 1 / np.log2(np.arange(2, K + 2))
    return float((hit * discount).sum() / discount[: max(min(K, len(relevant)), 1)].sum())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else USERS)
