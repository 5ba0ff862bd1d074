"""Keras models as models of ours: the network's own scores, kept without pickle."""

import os

import numpy as np
import pytest

from serendip.adapters import keras as adapter
from serendip.adapters import pairs
from serendip.checks.toys import checkerboard
from serendip.errors import UserError
from serendip.store.artefacts import load, save

os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("torch", reason="torch is not installed")
keras = pytest.importorskip("keras", reason="Keras is not installed")


@pytest.fixture(scope="module")
def data():
    return checkerboard().data


def of_ids(data):
    user, item = keras.Input((1,), dtype="int32"), keras.Input((1,), dtype="int32")
    x = keras.layers.Flatten()(keras.layers.Embedding(data.n_users, 8)(user))
    y = keras.layers.Flatten()(keras.layers.Embedding(data.n_items, 8)(item))
    out = keras.layers.Dense(1, activation="sigmoid")(keras.layers.multiply([x, y]))
    return keras.Model([user, item], out, name="tastes")


@pytest.mark.filterwarnings("default")
def test_scores_are_the_networks_own_and_are_kept(data, tmp_path):
    keras.utils.set_random_seed(3)
    network = of_ids(data)
    network.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    network.fit([data.user, data.item], (data.value >= 3).astype(np.float32), epochs=15, verbose=0, batch_size=64)
    model = adapter.model(network, data)
    queries = data.queries()
    item = np.tile(np.array([3, -1, 5], np.int32), (data.n_users, 1))
    got = model.score(queries, item)
    expected = network.predict([queries.user, np.full(data.n_users, 5, np.int32)], verbose=0)[:, 0]
    np.testing.assert_allclose(got[:, 2], expected, rtol=1e-4)
    assert np.isnan(got[:, 1]).all()
    assert np.isnan(model.score(data.queries(np.array([-1], np.int32)))).all()  # nobody that it has met
    first = model.recommend(queries, 1, exclude=queries.history.lists).item[:, 0]
    liked = [(int(data.items[i][1:]) + int(data.users[u][1:])) % 2 == 0 for u, i in enumerate(first)]
    assert np.mean(liked) > 0.8
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_allclose(again.score(queries), model.score(queries), rtol=1e-5)


@pytest.mark.filterwarnings("default")
def test_one_input_is_told_of_pairs_and_serves_newcomers(data):
    table, label = pairs.lesson(data)
    network = keras.Sequential([keras.Input((table.shape[1],)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
    network.compile("adam", "mse")
    network.fit(np.nan_to_num(table), label, epochs=1, verbose=0)
    model = adapter.model(network, data)
    newcomer = data.queries(np.array([-1], np.int32))
    rows = np.nan_to_num(model.pairs.rows(newcomer, np.array([[2, 6]], np.int32)))
    got = model.score(newcomer, np.array([[2, 6]], np.int32))
    np.testing.assert_allclose(got[0], network.predict(rows, verbose=0)[:, 0], rtol=1e-4)


def test_what_does_not_fit_is_said(data):
    three = [keras.Input((1,)) for _ in range(3)]
    network = keras.Model(three, keras.layers.add(three))
    with pytest.raises(UserError, match="has 3 inputs and 1 outputs"):
        adapter.model(network, data)
    both = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, "softmax")])
    with pytest.raises(UserError, match=r"gives \(2,\) numbers for a pair"):
        adapter.model(both, data)
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    with pytest.raises(UserError, match=r"takes 4 features and the table of serendip.adapters.pairs has \d+"):
        adapter.model(other, data)


@pytest.mark.filterwarnings("default")
def test_a_network_of_ratings_predicts_them(data, tmp_path):
    user, item = keras.Input((), dtype="int32"), keras.Input((), dtype="int32")
    x = keras.layers.Embedding(data.n_users, 4)(user)
    y = keras.layers.Embedding(data.n_items, 4)(item)
    network = keras.Model([user, item], keras.layers.Dense(1)(keras.layers.concatenate([x, y])))
    network.set_weights([np.full_like(array, 2.0) for array in network.get_weights()])  # 8 * 2 * 2 + 2: off the scale
    model = adapter.model(network, data, ratings=True)
    asked = data.queries(np.array([0, -1, 0], np.int32))
    got = model.predict(asked, np.array([1, 1, -1], np.int32))
    assert got[0] == 5.0  # of a scale from 1 to 5
    baseline = model.baseline.ratings(asked, np.array([1, 1, -1], np.int32), np.zeros(3, np.float32))
    np.testing.assert_array_equal(got[1:], baseline[1:])
    save(model, tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").predict(asked, np.array([1, 1, -1], np.int32)), got)
