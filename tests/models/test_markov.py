import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.data.queries import ask
from serendip.data.tables import Tables
from serendip.models.markov import Markov

ROWS = [("a", i) for i in "pqrp"] + [("b", i) for i in "pq"] + [("c", i) for i in "qs"]


def made(rules: InteractionRules | None = None, kinds: list[str] | None = None) -> Dataset:
    frame = pl.DataFrame(ROWS, schema=["user_id", "item_id"], orient="row")
    return Dataset.of(Tables(frame if kinds is None else frame.with_columns(pl.Series("type", kinds))), rules)


def weights(model: Markov, data: Dataset) -> dict[str, float]:
    w = model.fit(data).weights.toarray()
    names = list(data.items.series)
    return {names[j] + names[i]: float(w[j, i]) for j, i in zip(*np.nonzero(w), strict=True)}


def test_the_next_event_alone() -> None:
    got = weights(Markov(window=1, shrinkage=0.0), made())
    assert got == pytest.approx({"pq": 1, "qr": 1 / 2, "qs": 1 / 2, "rp": 1})


def test_further_events_count_less_and_rare_items_say_less() -> None:
    got = weights(Markov(window=2, skip=0.5, shrinkage=1.0), made())
    assert got == pytest.approx({"pq": 2 / 3.5, "pr": 0.5 / 3.5, "qr": 1 / 3.5, "qs": 1 / 3.5, "qp": 0.5 / 3.5,
                                 "rp": 1 / 2})  # fmt: skip


def test_popular_items_are_held_back() -> None:
    assert weights(Markov(window=1, shrinkage=0.0, damping=1.0), made())["pq"] == pytest.approx(1 / 3)


def test_the_latest_item_counts_most_with_or_without_times() -> None:
    data = made()
    p, q, r, s = data.items.index(list("pqrs"))
    model = Markov(window=1, shrinkage=0.0, recency=1.0).fit(data)
    score = model.score(ask([[r, q]]))[0]
    assert score[s] == pytest.approx(0.5) and score[p] == pytest.approx(0.5 * 1)
    assert model.score(ask([[q, r]]))[0][p] == pytest.approx(1)


def test_events_that_weigh_nothing_are_passed_over() -> None:
    kinds = ["view", "hide", "view", "view", "view", "view", "view", "view"]
    data = made(InteractionRules(), kinds)
    assert "pr" in weights(Markov(window=1), data)
