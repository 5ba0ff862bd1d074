"""Pre-filtering by context: the context's own taste, the whole where there is little or none of it."""

import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.als import ALS
from serendip.models.popular import Popular
from serendip.models.prefilter import Prefilter


@pytest.fixture(scope="module")
def places() -> Dataset:
    """At home people take i0 to i4 most, at work i5 to i9; seldom they are away, and take i10."""
    random = np.random.default_rng(0)
    place = random.choice(3, 3000, p=[0.6, 0.39, 0.01])
    item = np.where(place == 2, 10, place * 5 + random.integers(0, 5, 3000))
    events = pl.DataFrame(
        {
            "user_id": [f"u{u}" for u in random.integers(0, 100, 3000)],
            "item_id": [f"i{i}" for i in item],
            "context.place": pl.Series(["home", "work", "away"]).gather(place),
        }
    )
    return Dataset.of(Tables(events))


def first(model: object, data: Dataset, place: str | None) -> set[str]:
    queries = data.queries(np.zeros(1, np.int32)).at(context={} if place is None else {"place": place})
    slate = model.recommend(queries, 5)  # type: ignore[attr-defined]
    return set(data.items.take(slate.item[0]))


def test_each_context_has_its_own_taste(places: Dataset) -> None:
    model = Prefilter(algorithm="popular", shrinkage=10.0).fit(places)
    for place, own in (("home", range(5)), ("work", range(5, 10))):
        assert len(first(model, places, place) & {f"i{i}" for i in own}) >= 4


def test_an_unknown_context_and_a_rare_one_get_the_whole(places: Dataset) -> None:
    model = Prefilter(algorithm="als:rank=8").fit(places)
    whole = ALS(rank=8).fit(places).score(places.queries())
    for context in ({}, {"place": "moon"}, {"place": "away"}):
        np.testing.assert_array_equal(model.score(places.queries().at(context=context)), whole)


def test_more_shrinkage_leans_on_the_whole(places: Dataset) -> None:
    whole = Popular().fit(places).score(places.queries().rows(slice(0, 1)))[0]
    asked = places.queries(np.zeros(1, np.int32)).at(context={"place": "work"})
    near, far = (Prefilter(algorithm="popular", shrinkage=s).fit(places).score(asked)[0] for s in (1e6, 1.0))
    assert np.corrcoef(near, whole)[0, 1] > 0.99 > 0.5 > np.corrcoef(far, whole)[0, 1]


def test_what_cannot_be_filtered_by_is_said(places: Dataset) -> None:
    with pytest.raises(UserError, match="events have no 'plce'; did you mean 'place'"):
        Prefilter(context="plce").fit(places)
    with pytest.raises(UserError, match="events have no 'context'; they have nothing"):
        Prefilter().fit(Dataset.of(Tables(pl.DataFrame({"user_id": ["a"], "item_id": ["x"]}))))
