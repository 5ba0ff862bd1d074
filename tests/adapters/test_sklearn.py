"""Estimators of scikit-learn as models: the library's own probabilities and distances."""

import numpy as np
import polars as pl
import pytest

import serendip
from serendip.adapters import pairs
from serendip.adapters import sklearn as adapter
from serendip.checks.toys import checkerboard, planted
from serendip.data.split import last_share
from serendip.errors import UserError
from serendip.models.itemweights import ItemWeights
from serendip.service.judge import evaluate

pytest.importorskip("sklearn", reason="scikit-learn is not installed")


@pytest.fixture(scope="module")
def parts():
    return last_share(planted().data)


def boosted():
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=30, random_state=0)


def test_scores_are_the_estimators_own_and_beat_chance(parts):
    table, label = pairs.lesson(parts.train)
    trained = boosted().fit(table, label)
    model = adapter.model(trained, parts.train)
    queries = parts.train.queries(np.array([3, 9, -1], np.int32))
    item = np.array([[4, 0, -1], [7, 8, 2], [1, 2, 3]], np.int32)
    got = model.score(queries, item)
    assert np.isnan(got[0, 2]) and np.isfinite(got).sum() == 8
    rows = model.pairs.rows(queries, np.maximum(item, 0))
    assert rows.shape == (9, len(model.pairs.names))
    np.testing.assert_allclose(got.ravel()[[0, 3, 8]], trained.predict_proba(rows)[[0, 3, 8], 1], rtol=1e-6)
    measured = evaluate([model], parts, "recall@10")
    assert measured["mean"][0] > 1.5 * 10 / parts.train.n_items


def test_the_lesson_says_who_took_what(parts):
    table, label = pairs.lesson(parts.train, negatives=3, seed=1)
    assert set(np.unique(label)) == {0.0, 1.0}
    assert 0.24 < label.mean() < 0.30  # of three drawn, some were taken and are left out
    assert len(table) == len(label)
    again, _ = pairs.lesson(parts.train, negatives=3, seed=1)
    assert np.array_equal(table, again, equal_nan=True)


def test_an_item_that_nobody_had_taken_is_no_lesson():
    rows = [(f"u{u}", f"i{(u + n) % 7}", 1000 * n) for u in range(30) for n in range(4)]
    rows += [(f"u{u}", f"late{u}" if u % 2 else f"i{(u + 5) % 7}", 9000) for u in range(30)]
    data = serendip.read(pl.DataFrame(rows, ["user_id", "item_id", "timestamp"], orient="row"))
    names = adapter.Pairs.of(data).names
    table, label = pairs.lesson(data)
    assert 0 < label.sum() <= 15 and (table[:, names.index("popularity")] > 0).all()
    frame = evaluate([adapter.fit(boosted(), data)], last_share(data), "ndcg@5")
    assert frame["algorithm"].to_list() == ["HistGradientBoostingClassifier"]


def test_nearest_neighbours_become_weights_between_items():
    from sklearn.neighbors import NearestNeighbors

    toy = checkerboard()
    model = adapter.fit(NearestNeighbors(n_neighbors=4, metric="cosine"), toy.data)
    assert isinstance(model, ItemWeights)
    distance, index = NearestNeighbors(n_neighbors=5, metric="cosine").fit(toy.data.matrix.T).kneighbors()
    got = model.similar(np.array([2], np.int32), 3)
    np.testing.assert_allclose(got.score[0], 1 - distance[2][:3], rtol=1e-5)
    assert set(got.item[0]) <= set(index[2])
    queries = toy.data.queries()
    first = model.recommend(queries, 1, exclude=queries.history.lists).item[:, 0]
    parity = [(int(toy.data.items[i][1:]) + int(toy.data.users[u][1:])) % 2 for u, i in enumerate(first)]
    assert not any(parity)


def test_what_does_not_fit_is_said(parts):
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import StandardScaler

    with pytest.raises(UserError, match="predicts nothing"):
        adapter.model(StandardScaler(), parts.train)
    with pytest.raises(UserError, match="one row an item"):
        adapter.neighbours(NearestNeighbors().fit(np.eye(7)), parts.train)
