import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.queries import ask
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models import slopeone
from serendip.models.slopeone import SlopeOne


def made(rows: list[tuple[str, str, float]]) -> Dataset:
    user, item, value = zip(*rows, strict=True)
    events = pl.DataFrame({"user_id": user, "item_id": item, "value": value, "type": ["rating"] * len(rows)})
    return Dataset.of(Tables(events))


PAPER = [
    *[("john", "a", 5), ("john", "b", 3), ("john", "c", 2)],
    *[("mark", "a", 3), ("mark", "b", 4)],
    *[("lucy", "b", 2), ("lucy", "c", 5)],
]


@pytest.mark.parametrize(("weighted", "expected"), [(True, (2 * 2.5 + 1 * 8) / 3), (False, (2.5 + 8) / 2)])
def test_the_mean_of_what_each_pair_says(weighted: bool, expected: float) -> None:
    """Lucy of item a: by b, which two rated beside it and .5 lower, 2.5; by c, which one rated 3 lower, 8."""
    data = made(PAPER)
    model = SlopeOne(weighted=weighted).fit(data)
    lucy, a = data.users.index(["lucy"]), data.items.index(["a"])
    assert model.score(data.queries(lucy))[0, a[0]] == pytest.approx(expected)
    assert model.predict(data.queries(lucy), a) == pytest.approx(min(expected, 5))
    parts = model.explain(data.queries(lucy), a)
    assert parts.weight.sum() == pytest.approx(expected)


def test_the_score_is_what_is_predicted_but_for_the_scale() -> None:
    rng = np.random.default_rng(0)
    there = rng.random((20, 12)) < 0.4
    there[0] = True  # a user with every item
    data = made([(f"u{u}", f"i{i}", float(rng.integers(1, 6))) for u, i in zip(*np.nonzero(there), strict=True)])
    model = SlopeOne().fit(data)
    score = model.score(data.queries())
    for i in range(data.n_items):
        rating = model.predict(data.queries(), np.full(data.n_users, i, np.int32))
        told = ~np.isnan(score[:, i])
        np.testing.assert_allclose(rating[told], np.clip(score[told, i], 1, 5), atol=1e-4)


def test_where_no_pair_was_rated_the_baseline_predicts() -> None:
    data = made([*PAPER, ("eve", "d", 1)])
    model = SlopeOne().fit(data)
    item = data.items.index(["d"])
    lucy = data.queries(data.users.index(["lucy"]))
    assert np.isnan(model.score(lucy)[0, item[0]])
    assert model.predict(lucy, item) == model.baseline.ratings(lucy, item, np.zeros(1, np.float32))
    assert 1 <= model.predict(ask([[]]), np.array([-1], np.int32))[0] <= 5


def test_without_ratings_there_is_nothing_to_learn() -> None:
    with pytest.raises(UserError, match=r"slopeone learns from ratings .* use itemknn"):
        SlopeOne().fit(Dataset.of(Tables(pl.DataFrame({"user_id": ["a", "a"], "item_id": ["x", "y"]}))))


def test_a_catalogue_that_does_not_fit_is_refused_with_the_figure() -> None:
    with pytest.raises(UserError, match=r"slopeone needs 8000\.0 GB .* use svd"):
        slopeone.check_memory(1_000_000)
