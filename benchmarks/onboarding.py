"""What questions to newcomers bring: `python benchmarks/onboarding.py [--validate]`, or `make bench-onboarding`.

MovieLens 1M. A fifth of the users is held out for validation and a fifth for the test; the rest teach EASE and the
classes. Of each held-out user half of the ratings, drawn at random, answers the questions (4 and 5 stars: likes it,
less: does not, no rating: does not know it) and the liked ones of the other half are to be found. Whatever is in the
answering half is left out of the slates of every policy, asked about or not. The chance to know an item is halved in
the classes, as only half of what people know answers here. All is ranked; intervals are of a bootstrap over users.
`--validate` shows the validation users for some settings; the page is of the test users. The table and the picture go
to docs/onboarding.md.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from section import machine, write_section

from serendip.arrays import F32, Bool, offsets
from serendip.data.catalogue import load
from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.data.queries import History, Queries
from serendip.data.tables import Tables
from serendip.models.contract import Model, Run
from serendip.models.ease import EASE
from serendip.models.latentclasses import LatentClasses
from serendip.pipeline import onboarding
from serendip.pipeline.onboarding import DISLIKE, LIKE, UNKNOWN, Onboarding, blended, unit
from serendip.stats.bootstrap import Estimate, estimates

PAGE = Path(__file__).parents[1] / "docs" / "onboarding.md"
PICTURE = PAGE.parent / "img" / "onboarding.png"
RULES = InteractionRules(weights={}, threshold=4.0)
QUESTIONS, K, HELD = 10, 10, 0.2


@dataclass(frozen=True)
class Users:
    """Held-out users: what they can answer (LIKE, DISLIKE, 0 where they do not know it), and what is to be found."""

    answer: np.ndarray  # (n, n_items) int8
    wanted: Bool  # (n, n_items)


def parts() -> tuple[Dataset, Users, Users]:
    """Return the training users, validation users and test users."""
    events = load("ml-1m").events.select("user_id", "item_id", "value")
    data = Dataset.of(Tables(events.with_columns(type=pl.lit("rating"))), RULES)
    draw = np.random.default_rng(0)
    order = draw.permutation(data.n_users)
    n = int(HELD * data.n_users)
    half = draw.random(len(data)) < 0.5
    which = np.zeros(data.n_users, np.int8)
    which[order[:n]], which[order[n : 2 * n]] = 1, 2
    train = which[data.user] == 0
    held = [held_out(data, np.flatnonzero(which == part), half) for part in (1, 2)]
    return data.where(train), held[0], held[1]


def held_out(data: Dataset, user: np.ndarray, half: Bool) -> Users:
    """Return users whose ratings of `half` answer questions; those without anything to find are left out."""
    assert data.value is not None
    place = np.full(data.n_users, -1)
    place[user] = np.arange(len(user))
    mine = place[data.user] >= 0
    answer = np.zeros((len(user), data.n_items), np.int8)
    wanted = np.zeros((len(user), data.n_items), np.bool_)
    at = mine & half
    answer[place[data.user[at]], data.item[at]] = np.where(data.value[at] >= 4, LIKE, DISLIKE)
    at = mine & ~half & (data.value >= 4)
    wanted[place[data.user[at]], data.item[at]] = True
    some = wanted.any(axis=1)
    return Users(answer[some], wanted[some])


def asked(users: Users, pick: Callable[[dict[int, int]], int]) -> list[list[dict[int, int]]]:
    """Return the answers of every user after 0, 1, ... questions; who answered alike is asked alike."""
    n = len(users.answer)
    states: list[list[dict[int, int]]] = [[{} for _ in range(n)]]
    for _ in range(QUESTIONS):
        chosen: dict[frozenset[tuple[int, int]], int] = {}
        after = []
        for u, said in enumerate(states[-1]):
            key = frozenset(said.items())
            if key not in chosen:
                chosen[key] = pick(said)
            after.append({**said, chosen[key]: int(users.answer[u, chosen[key]])})
        states.append(after)
    return states


def liked(states: list[dict[int, int]]) -> Queries:
    """Return the questions of newcomers whose history is what they said they like."""
    items = [[i for i, answer in said.items() if answer == LIKE] for said in states]
    flat = np.array([i for row in items for i in row], np.int32)
    history = History(offsets(np.array([len(row) for row in items], np.int64)), flat)
    return Queries(np.full(len(states), -1, np.int32), history)


def expected(chooser: Onboarding, states: list[dict[int, int]]) -> F32:
    """Return what the classes expect each user to know and like.  # (n, n_items)"""
    return chooser.classes.expected(np.stack([chooser.posterior(said) for said in states]))


def slates(kind: str, main: Model, popular: F32, chooser: Onboarding, states: list[dict[int, int]]) -> F32:
    """Return the score of every item: by the recommender alone (popular where it knows nothing), or blended."""
    score = main.score(liked(states))
    if kind == "alone":
        return np.where(np.isnan(score), 0, score) + np.float32(1e-3) * popular
    return np.stack(
        [blended(s, e, chooser.classes.unit) for s, e in zip(score, expected(chooser, states), strict=True)]
    )


def ndcg(score: F32, users: Users) -> np.ndarray:
    """Return NDCG@10 of each user over all items but those that they could have answered for.  # (n,)"""
    score = np.where((users.answer != 0) | np.isnan(score), -np.inf, score)
    some = np.argpartition(-score, K, axis=1)[:, : K + 1]
    order = np.argsort(-np.take_along_axis(score, some, axis=1), axis=1, kind="stable")[:, :K]
    top = np.take_along_axis(some, order, axis=1)  # (n, K)
    discount = 1 / np.log2(np.arange(2, K + 2))
    ideal = np.cumsum(discount)[np.minimum(users.wanted.sum(axis=1), K) - 1]
    return np.asarray((np.take_along_axis(users.wanted, top, axis=1) * discount).sum(axis=1) / ideal)


def stopped(chooser: Onboarding, states: list[list[dict[int, int]]], worth: float) -> np.ndarray:
    """Return after how many questions each user is asked no more.  # (n,)"""
    done = np.full(len(states[0]), QUESTIONS)
    for q in range(QUESTIONS - 1, -1, -1):
        for u, said in enumerate(states[q]):
            if chooser.next(said)[1][0] < worth:
                done[u] = q
    return done


def main() -> None:
    whole, validation, test = parts()
    users = validation if "--validate" in sys.argv else test
    recommender = EASE().fit(whole, run=Run(threads=2))
    began = time.process_time()
    classes = LatentClasses().fit(whole)
    fitted = time.process_time() - began
    classes = replace(classes, knows=classes.knows / 2)
    classes = replace(classes, unit=unit(recommender, classes))
    known = np.bincount(whole.item, minlength=whole.n_items)
    popular = np.bincount(whole.matrix.indices, minlength=whole.n_items).astype(np.float32)
    popular /= popular.max()
    chooser = Onboarding(classes)
    most = np.argsort(-known, kind="stable")
    took: list[float] = []

    def ours(said: dict[int, int]) -> int:
        began = time.process_time()
        row = int(chooser.next(said)[0][0])
        took.append(time.process_time() - began)
        return row

    states = {"worth": asked(users, ours), "popular": asked(users, lambda said: int(most[len(said)]))}
    lines = [(policy, kind) for kind in ("blended", "alone") for policy in states]
    if "--validate" in sys.argv:
        for weight in (0.1, 0.25, 0.5):
            onboarding.MAIN = weight
            for policy, of in states.items():
                means = [
                    ndcg(slates("blended", recommender, popular, chooser, of[q]), users).mean() for q in (1, 3, 5, 10)
                ]
                print(f"{weight:g} {policy:<8}", " ".join(f"{m:.4f}" for m in means), flush=True)
        return
    found = {
        line: np.stack([ndcg(slates(line[1], recommender, popular, chooser, said), users) for said in states[line[0]]])
        for line in lines
    }  # (QUESTIONS + 1, n) each
    share = [np.mean([[a != UNKNOWN for a in said.values()] for said in states[p][-1]]) * QUESTIONS for p in states]
    rows = ["| questions | by worth | most popular | difference, 95% | by worth, recommender alone | most popular, "
            "recommender alone |", "|---|---|---|---|---|---|"]  # fmt: skip
    for q in range(QUESTIONS + 1):
        means = [estimate(found[line][q]) for line in lines]
        cells = [f"{m.mean:.4f} ({m.low:.4f}-{m.high:.4f})" for m in means]
        apart = estimate(found[lines[0]][q] - found[lines[1]][q])
        difference = f"{apart.mean:+.4f} ({apart.low:+.4f} to {apart.high:+.4f})"
        rows.append(f"| {q} | {cells[0]} | {cells[1]} | {difference} | {cells[2]} | {cells[3]} |")
    stops = ["| least worth | questions, mean | NDCG@10 |", "|---|---|---|"]
    for worth in (0.0, 0.01, 0.02, 0.05, 0.1, 0.2):
        done = stopped(chooser, states["worth"], worth)
        at_stop = estimate(found[lines[0]][done, np.arange(len(done))])
        stops.append(f"| {worth:g} | {done.mean():.1f} | {at_stop.mean:.4f} ({at_stop.low:.4f}-{at_stop.high:.4f}) |")
    draw(found)
    body = [
        f"![NDCG@10 by the number of questions](img/{PICTURE.name})", "\n".join(rows),
        f"Of ten questions {share[0]:.2f} could be answered on average where they were chosen by worth, and "
        f"{share[1]:.2f} of the most popular.",
        "Where asking stops by worth:", "\n".join(stops),
        f"{len(users.answer):,} test users. The classes were fitted in {fitted:.1f} CPU seconds; a question took "
        f"{np.median(took) * 1e3:.1f} ms of CPU (median of {len(took):,}, {whole.n_items:,} items).",
        f"Made by `make bench-onboarding`: {machine()}.",
    ]  # fmt: skip
    write_section("onboarding", "\n\n".join(body), PAGE)
    print("\n\n".join(body))


def estimate(value: np.ndarray) -> Estimate:
    """Return the mean of one value a user with its interval."""
    return estimates(value.reshape(-1, 1))[0]


def draw(found: dict[tuple[str, str], np.ndarray]) -> None:
    """Draw the curves of both ways to ask, and of both ways to make the slate."""
    from serendip.service.charts import BLUE, VERMILION, chart, png

    words = {"worth": "chosen by worth", "popular": "most popular"}
    kinds = {"blended": "with the classes", "alone": "recommender alone"}
    values = [
        {"questions": q, "ndcg": float(row.mean()), "asked": words[policy], "slate": kinds[kind]}
        for (policy, kind), rows in found.items()
        for q, row in enumerate(rows)
    ]
    colours = {"domain": list(words.values()), "range": [VERMILION, BLUE]}
    encoding = {
        "x": {"field": "questions", "type": "quantitative", "title": "questions asked"},
        "y": {"field": "ndcg", "type": "quantitative", "title": "NDCG@10", "scale": {"zero": False}},
        "color": {"field": "asked", "type": "nominal", "title": "asked about", "scale": colours},
        "strokeDash": {"field": "slate", "type": "nominal", "title": "slate"},
    }
    spec = chart("NDCG@10 after questions", values, mark={"type": "line", "point": True}, encoding=encoding)
    PICTURE.write_bytes(png(spec, scale=1.5))


if __name__ == "__main__":
    main()
