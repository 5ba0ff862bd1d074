"""Weights are learned by adding models that help; a ballot counts what is not named as the last that is."""

import numpy as np

from serendip.arrays import ItemLists
from serendip.checks.toys import checkerboard, planted
from serendip.models.itemknn import ItemKNN
from serendip.models.popular import Popular
from serendip.models.votes import Ballot, Votes, votes


def test_votes_are_the_standard_scores_of_the_best() -> None:
    data = checkerboard().data
    model, queries = ItemKNN().fit(data), data.queries()
    seen = data.matrix
    exclude = ItemLists(seen.indptr.astype(np.int64), seen.indices)
    found = votes(model, queries, exclude, 5)
    score = model.score(queries).astype(np.float64)
    z = (score - np.nanmean(score, axis=1, keepdims=True)) / np.nanstd(score, axis=1, keepdims=True)
    some = found.item >= 0
    row = np.nonzero(some)[0]
    np.testing.assert_allclose(found.z[some], z[row, found.item[some]], rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(found.item, model.recommend(queries, 5, exclude=exclude).item)


def test_a_ballot_places_every_named_item_and_the_last_vote_for_the_others() -> None:
    first = Votes(np.array([[3, 1]], np.int32), np.array([[2.0, 1.0]], np.float32))
    second = Votes(np.array([[1, -1]], np.int32), np.array([[5.0, np.nan]], np.float32))
    ballot = Ballot.of([first, second], ItemLists(np.array([0, 2]), np.array([1, 9], np.int32)))
    items = [3, 1]  # whichever order the ballot has them in
    named = {round(float(a)): float(b) for a, b in zip(ballot.z[0, 0], ballot.z[1, 0], strict=True)}
    assert len(items) == ballot.z.shape[2] and named == {2: 5.0, 1: 5.0}
    assert ballot.relevant.sum() == 1 and ballot.n_relevant.tolist() == [2]
    perfect_first = 1 / (1 + 1 / np.log2(3))
    np.testing.assert_allclose(ballot.value(-ballot.z[0], 2), perfect_first)


def test_weights_go_to_what_helps_and_sum_to_one() -> None:
    toy = planted()
    queries, seen = toy.data.queries(), toy.data.matrix
    exclude = ItemLists(seen.indptr.astype(np.int64), seen.indices)
    given = [votes(a.fit(toy.data), queries, exclude) for a in (Popular(), ItemKNN(), ItemKNN(neighbours=5))]
    ballot = Ballot.of(given, toy.withheld)
    weights = ballot.weights(10)
    assert abs(weights.sum() - 1) < 1e-12 and weights[1] > weights[0]
    alone = [np.nanmean(ballot.value(z, 10)) for z in ballot.z]
    assert np.nanmean(ballot.value(ballot.blended(weights), 10)) >= max(alone)
    assert np.count_nonzero(ballot.weights(10, most=1)) == 1
