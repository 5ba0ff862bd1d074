"""Logistic regression and factorisation machines: context, attributes, labels, ratings."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.queries import Queries, ask
from serendip.data.split import at_random
from serendip.data.tables import Tables
from serendip.evaluation.report import evaluate
from serendip.evaluation.task import Task
from serendip.metrics.name import parse_all
from serendip.models.contract import Algorithm, Predicts, Run
from serendip.models.ffm import FFM
from serendip.models.fields import Field, Fields, of_clock
from serendip.models.fm import FM
from serendip.models.logistic import Logistic

BOTH = pytest.mark.parametrize("algorithm", [FM(rank=8), FFM(rank=4)], ids=["fm", "ffm"])
DAY = 86_400_000


def day(labels: bool) -> Dataset:
    """In the morning people take the first half of the items, in the evening the other."""
    random = np.random.default_rng(0)
    n = 4000
    user, item, evening = (random.integers(0, below, n) for below in (40 if labels else 400, 20, 2))
    suits = (item >= 10) == (evening == 1)
    events = pl.DataFrame(
        {
            "user_id": [f"u{u}" for u in user],
            "item_id": [f"i{i:02}" for i in item],
            "context.part": pl.Series(["morning", "evening"]).gather(evening),
            "timestamp": [int(e) * 12 * 3_600_000 + t * DAY for t, e in enumerate(evening)],
            "label": suits.astype(float),
        }
    )
    return Dataset.of(Tables(events if labels else events.filter(suits).drop("label")))


def half(model_items: list[str]) -> float:
    return float(np.mean([int(i[1:]) >= 10 for i in model_items]))


@BOTH
@pytest.mark.parametrize("labels", [True, False], ids=["labels", "taken"])
def test_context_decides_and_the_clock_is_context(algorithm: Algorithm, labels: bool) -> None:
    data = day(labels)
    model = algorithm.set(clock=True).fit(data)
    someone = data.queries(np.zeros(1, np.int32))
    for part, hour in (("morning", 0), ("evening", 12)):
        best = model.recommend(someone.at(hour * 3_600_000, {"part": part}), 8).item[0]
        assert half(data.items.take(best)) == (part == "evening")
    clock = algorithm.fit(replace(data, context={}))
    for hour in (0, 12):
        best = clock.recommend(someone.at(hour * 3_600_000), 8).item[0]
        assert half(data.items.take(best)) == (hour == 12)


def test_what_is_unknown_is_a_value_of_its_own() -> None:
    model = FM(rank=8, clock=False).fit(day(True))
    asked = ask([[]])
    never, none = (model.score(q) for q in (asked.at(context={"part": "night"}), asked))
    assert np.array_equal(never, none)
    assert not np.allclose(none, model.score(asked.at(context={"part": "morning"})), atol=0.01)


@pytest.mark.parametrize("algorithm", [Logistic(), FM(rank=8), FFM(rank=4)], ids=lambda a: a.name)
def test_labels_make_probabilities(algorithm: Algorithm) -> None:
    parts = at_random(day(True), 0.3)
    report = evaluate(algorithm, Task.of_split(parts), parse_all("auc,logloss"))
    auc, loss = (e.mean for e in report.estimates.values())
    if algorithm.name == "logistic":
        assert abs(auc - 0.5) < 0.1 and abs(loss - np.log(2)) < 0.1  # of pairs alone there is something to learn
    else:
        assert auc > 0.95 and loss < 0.3


@BOTH
def test_all_items_at_once_score_as_the_sum_over_pairs(algorithm: Algorithm) -> None:
    random = np.random.default_rng(1)
    items = pl.DataFrame(
        {"item_id": [f"i{i:02}" for i in range(20)], "genres": [["a", "b"], ["b"], [], None] * 5, "price": range(20)}
    )
    users = pl.DataFrame({"user_id": [f"u{u}" for u in range(40)], "age": random.normal(size=40)})
    whole = Tables(day(True).users.series.to_frame("user_id").with_columns(item_id=pl.lit("i00")), items, users)
    data = Dataset.of(whole)
    model = algorithm.set(epochs=2, init_std=0.5).fit(data)
    queries = data.queries().at(5 * DAY)
    q, i = model.fields.asked(queries).toarray(), model.item_rows.toarray()
    slot = model.fields.of_feature if algorithm.name == "ffm" else np.zeros(model.fields.n_features, np.int32)
    for b, m in ((0, 3), (7, 0), (39, 19)):
        x = q[b] + i[m]
        at = np.flatnonzero(x)
        total = model.bias + x @ model.w
        for n, a in enumerate(at):
            total += sum(x[a] * x[c] * (model.v[a, slot[c]] @ model.v[c, slot[a]]) for c in at[n + 1 :])
        assert model.score(queries)[b, m] == pytest.approx(total, abs=1e-4)


@BOTH
def test_ratings_are_predicted_and_a_validation_part_ends_a_fit(algorithm: Algorithm) -> None:
    random = np.random.default_rng(2)
    user, item = (a.ravel() for a in np.meshgrid(np.arange(40), np.arange(25)))
    value = 3 + np.where((user + item) % 2 == 0, 1.5, -1.5) + random.normal(0, 0.2, len(user))
    frame = pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item], "value": value})
    parts = at_random(Dataset.of(Tables(frame)), 0.2)
    seen: list[int] = []
    run = Run(validation=parts.test, progress=lambda what, done, of: seen.append(done))
    model = algorithm.set(loss="squared", epochs=400).fit(parts.train, run=run)
    assert isinstance(model, Predicts) and len(seen) < 400
    rows = parts.train.queries(parts.test.user)
    assert parts.test.value is not None
    assert np.sqrt(np.mean((model.predict(rows, parts.test.item) - parts.test.value) ** 2)) < 0.6
    nobody = Queries(np.array([-1], np.int32), ask([[]]).history)
    assert model.predict(nobody, np.array([-1], np.int32))[0] == pytest.approx(3, abs=0.5)


def test_new_items_are_told_by_their_attributes() -> None:
    random = np.random.default_rng(3)
    user, item = random.integers(0, 30, 1500), random.integers(0, 40, 1500)
    keep = (user + item) % 2 == 0
    events = pl.DataFrame({"user_id": [f"u{u}" for u in user[keep]], "item_id": [f"i{i}" for i in item[keep]]})
    items = pl.DataFrame({"item_id": [f"i{i}" for i in range(40)], "shelf": ["even", "odd"] * 20})
    data = Dataset.of(Tables(events, items))
    model = FM(rank=8).fit(data)
    about = pl.DataFrame(
        {"shelf": [*items["shelf"].gather(data.items.series.str.slice(1).cast(pl.Int64)), "odd", None]}
    )
    longer = model.extend(data.items.extend(["new", "untold"]), about)
    score = longer.score(data.queries(data.users.index(["u0", "u1"])))
    assert np.isnan(score[:, -1]).all()
    assert score[1, -2] - score[0, -2] > 1


def test_fields_of_clock_numbers_and_lists() -> None:
    monday = 4 * DAY + 3_600_000 * 5  # 1970-01-05, 05:00
    assert of_clock("weekday", np.array([0, monday])).tolist() == [3, 0]
    assert of_clock("hour", np.array([monday])).tolist() == [5]
    price = Field.of("items", "price", pl.Series("price", [1.0, 2.0, None, 4.0, 100.0, 7.0]))
    assert price is not None
    found = price.encode(pl.Series("price", [None, 0.5, 1000.0]), 3).toarray()
    assert found[0, 0] == found[1, 1] == found[2, -1] == 1 and found.sum() == 3
    genres = Field.of("items", "genres", pl.Series("genres", [["a", "b"], ["b"], None]))
    assert genres is not None
    several = genres.encode(pl.Series("genres", [["a", "b", "b"], ["z"], []]), 3).toarray()
    assert several.tolist() == [[0, 0.5, 0.5], [1, 0, 0], [1, 0, 0]]


def test_a_field_needs_more_than_one_value_of_an_attribute() -> None:
    about = pl.DataFrame({"user_id": ["a", "b"], "same": ["x", "x"], "sex": ["m", "f"]})
    data = Dataset.of(Tables(pl.DataFrame({"user_id": ["a", "b"], "item_id": ["i", "j"]}), users=about))
    assert [f.name for f in Fields.of(data).query] == ["user"]  # each value is there once: it says no more than the id
