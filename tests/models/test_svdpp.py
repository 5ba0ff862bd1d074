import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.queries import Queries, ask
from serendip.data.split import at_random
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.contract import Run
from serendip.models.svdpp import SVDpp

QUICK = SVDpp(rank=8, l2=0.03, epochs=60)


def planted(n_users: int = 150, n_items: int = 60) -> Dataset:
    """Ratings of rank 2 with biases, between 1 and 5."""
    g = np.random.default_rng(1)
    taste = g.normal(size=(n_users, 2)) @ g.normal(size=(2, n_items)) * 0.6
    full = np.clip(3 + g.normal(size=(n_users, 1)) * 0.5 + g.normal(size=n_items) * 0.5 + taste, 1, 5)
    user, item = np.nonzero(g.random(full.shape) < 0.4)
    return Dataset.of(Tables(pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item],
                                           "value": full[user, item]})))  # fmt: skip


def viewed() -> Dataset:
    """Two kinds of users view items of their kind; each rates two items, 5 within the kind and 1 outside."""
    g = np.random.default_rng(2)
    user, item = np.nonzero((g.random((300, 30)) < 0.4) & (np.arange(30) % 2 == np.arange(300)[:, None] % 2))
    rater = np.repeat(np.arange(300), 2)
    rated = g.integers(0, 30, 600)
    frame = pl.DataFrame({
        "user_id": [f"u{u}" for u in [*user, *rater]], "item_id": [f"i{i}" for i in [*item, *rated]],
        "type": ["view"] * len(user) + ["rating"] * 600,
        "value": [None] * len(user) + np.where(rated % 2 == rater % 2, 5.0, 1.0).tolist(),
    })  # fmt: skip
    return Dataset.of(Tables(frame))


def rmse(rating: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean((rating - truth) ** 2)))


def test_withheld_ratings_are_predicted_for_users_and_for_newcomers() -> None:
    split = at_random(planted(), 0.2)
    model, test = QUICK.fit(split.train), split.test
    assert test.value is not None and split.train.value is not None
    known = split.train.queries(test.user)
    stranger = Queries(np.full(len(known), -1, np.int32), known.history)
    fitted, folded = (rmse(model.predict(q, test.item), test.value) for q in (known, stranger))
    assert fitted < 0.55 * rmse(np.full(len(test), split.train.value.mean()), test.value)
    assert folded < 1.15 * fitted


def test_a_history_without_any_rating_says_something() -> None:
    data = viewed()
    model = SVDpp(rank=4).fit(data)
    odd, even = (np.array([data.items.index([f"i{i}"])[0] for i in range(p, 30, 2)]) for p in (1, 0))
    views = ask([odd[:5].tolist()])
    inside, outside = (model.predict(Queries(np.full(10, -1, np.int32), ask([odd[:5].tolist()] * 10).history),
                                     at[5:15].astype(np.int32)) for at in (odd, even))  # fmt: skip
    assert inside.mean() > outside.mean() + 1
    first = model.recommend(views, 8, exclude=views.history.lists).item[0]
    assert np.isin(first, odd).all()


def test_ratings_stay_on_the_scale_for_anyone_and_anything() -> None:
    model = QUICK.fit(planted())
    rating = model.predict(ask([[], [0], [999]]), np.array([-1, 999, 3], np.int32))
    assert ((rating >= 1) & (rating <= 5)).all()
    assert rating[0] == pytest.approx(model.mean, abs=1e-5)


def test_it_stops_when_the_validation_part_gets_no_better() -> None:
    split = at_random(planted(), 0.2)
    seen: list[int] = []
    run = Run(validation=split.test, progress=lambda what, done, of: seen.append(done))
    QUICK.set(l2=0.0, epochs=1000, decay=1.0).fit(split.train, run=run)
    assert 3 < len(seen) < 1000


def test_without_ratings_another_algorithm_is_named() -> None:
    frame = pl.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"]})
    with pytest.raises(UserError, match="als"):
        QUICK.fit(Dataset.of(Tables(frame)))
