from dataclasses import replace

import numpy as np
import pytest

from serendip.checks.toys import checkerboard, planted
from serendip.data.queries import ask
from serendip.errors import UserError
from serendip.models.als import ALS
from serendip.models.content import Content
from serendip.models.itemknn import ItemKNN
from serendip.models.popular import Popular
from serendip.models.weighted import Weighted, levels

DATA = checkerboard().data


def test_scores_are_the_sum_of_standard_scores() -> None:
    queries = DATA.queries()
    blend = Weighted(("als:rank=8", "itemknn"), (2.0, 0.5), prior="").fit(DATA)
    expected = np.zeros((len(queries), DATA.n_items))
    for algorithm, weight in ((ALS(rank=8), 2.0), (ItemKNN(), 0.5)):
        s = np.array(algorithm.fit(DATA).score(queries), np.float64)
        z = (s - np.nanmean(s, axis=1, keepdims=True)) / np.nanstd(s, axis=1, keepdims=True)
        expected += weight * np.where(np.isnan(z), np.nanmin(z, axis=1, keepdims=True), z)
    score = blend.score(queries)
    np.testing.assert_allclose(score, np.where(np.isnan(score), np.nan, expected), rtol=1e-3, atol=1e-3)


def test_a_child_that_knows_nothing_of_the_query_is_left_out() -> None:
    blend = Weighted(("itemknn", "popular"), prior="").fit(DATA)
    newcomer = ask([[]])
    popular = Popular().fit(DATA)
    ours, theirs = (m.recommend(newcomer, 5).item for m in (blend, popular))
    np.testing.assert_array_equal(ours, theirs)


def test_settings_within_settings() -> None:
    asked = {"algorithms": "als:rank=32:epochs=3,content", "weights": "0.7,0.3"}
    algorithm = Weighted.configured(asked)
    assert algorithm == Weighted(("als:rank=32:epochs=3", "content"), (0.7, 0.3))
    assert Weighted.configured(algorithm.settings()) == algorithm
    first, second, _ = algorithm.fit(DATA).children
    np.testing.assert_array_equal(first.score(DATA.queries()), ALS(rank=32, epochs=3).fit(DATA).score(DATA.queries()))
    assert isinstance(second, type(Content().fit(DATA)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"algorithms": "alz"}, "did you mean 'als'"),
        ({"algorithms": "als:rnk=3"}, "did you mean 'rank'"),
        ({"algorithms": "als:32"}, "field=value"),
        ({"algorithms": "als,content", "weights": "1"}, "name one for each"),
        ({"algorithms": "als,content", "weights": "1,-1"}, "above 0"),
        ({"algorithms": "als,content", "weights": "1,x"}, "weights"),
    ],
)
def test_mistakes_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Weighted.configured(settings)


def test_without_attributes_content_takes_no_part() -> None:
    assert len(Weighted(prior="").fit(DATA).children) == 3
    assert len(Weighted(prior="").fit(replace(DATA, item_features=None)).children) == 2


def test_explanations_sum_to_the_score() -> None:
    blend = Weighted(("als:rank=8", "itemknn", "content", "popular")).fit(DATA)
    queries = DATA.queries()
    slates = blend.recommend(queries, 3)
    for place in range(3):
        found = blend.explain(queries, slates.item[:, place])
        total = np.bincount(np.repeat(np.arange(len(queries)), np.diff(found.offset)), found.weight)
        np.testing.assert_allclose(total, slates.score[:, place], rtol=1e-3, atol=1e-3)


def test_new_items_come_in_through_the_child_that_knows_attributes() -> None:
    blend = Weighted(("als:rank=8", "content")).fit(DATA)
    assert DATA.item_features is not None
    features = DATA.item_features.vstack(DATA.item_features[:1])
    longer = blend.extend(DATA.items.extend(["new"]), features)
    score = longer.score(DATA.queries())
    assert score.shape[1] == DATA.n_items + 1
    assert np.isfinite(score[:, -1]).any()


def test_learned_weights_leave_out_what_does_not_help() -> None:
    data = planted().data
    blend = Weighted(("popular", "itemknn", "ease:l2=20"), prior="", learned=True).fit(data)
    weight = dict(zip((type(child).__name__ for child in blend.children), blend.weights[0], strict=True))
    assert abs(sum(weight.values()) - 1) < 1e-6 and weight.get("ItemScores", 0.0) < 0.5
    again = Weighted(("popular", "itemknn", "ease:l2=20"), prior="", learned=True).fit(data)
    np.testing.assert_array_equal(again.weights, blend.weights)


def test_weights_are_given_or_learned() -> None:
    with pytest.raises(UserError, match="given or learned"):
        Weighted(("als", "itemknn"), (1.0, 2.0), learned=True)


def test_a_prior_answers_newcomers_and_counts_for_less_the_longer_the_history() -> None:
    queries = ask([[], [0], [0, 2, 4, 6]])
    hard, soft = (Weighted(("itemknn",), (1.0,), shrinkage=s).fit(DATA) for s in (0.0, 1.0))
    alone, popular = ItemKNN().fit(DATA), Popular().fit(DATA)
    for one in (hard, soft):
        np.testing.assert_array_equal(one.recommend(queries, 5).item[0], popular.recommend(queries, 5).item[0])
    np.testing.assert_array_equal(hard.recommend(queries, 5).item[1:], alone.recommend(queries, 5).item[1:])
    weights, least = levels((3.0, 1.0), 4.0)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights[list(least).index(4)], [0.375, 0.125, 0.5])
    assert (np.diff(weights[:, -1]) > 0).all() and weights[-1, -1] == 1
