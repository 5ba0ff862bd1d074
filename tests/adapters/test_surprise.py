"""Algorithms of Surprise as models: what they estimate, for known and unknown users and items."""

from dataclasses import replace

import numpy as np
import pytest

from serendip.adapters import surprise as adapter
from serendip.checks.toys import planted
from serendip.data.split import at_random
from serendip.errors import UserError
from serendip.models.contract import Predicts
from serendip.service.judge import evaluate
from serendip.store.artefacts import load, save

surprise = pytest.importorskip("surprise", reason="Surprise is not installed")


@pytest.fixture(scope="module")
def parts():
    return at_random(planted().data, 0.2)


ALGORITHMS = [
    surprise.SVD(n_factors=8, n_epochs=5, random_state=1), surprise.SVD(n_factors=8, biased=False, random_state=1),
    surprise.KNNBaseline(verbose=False), surprise.SlopeOne(), surprise.NMF(n_factors=4, random_state=1),
]  # fmt: skip


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda a: f"{type(a).__name__}-{getattr(a, 'biased', '')}")
def test_ratings_are_the_librarys_own(parts, algorithm):
    theirs = algorithm.fit(adapter.trainset(parts.train))
    ours = adapter.model(theirs, parts.train)
    assert isinstance(ours, Predicts)
    user, item = parts.test.user, parts.test.item
    got = ours.predict(parts.train.queries(user), item)
    ids = zip(parts.train.users.take(user), parts.train.items.take(item), strict=True)
    np.testing.assert_allclose(got, [theirs.predict(u, i).est for u, i in ids], rtol=1e-4)


def test_somebody_unknown_gets_what_the_library_gives_them(parts):
    theirs = surprise.KNNBaseline(verbose=False).fit(adapter.trainset(parts.train))
    ours = adapter.model(theirs, parts.train)
    nobody = parts.train.queries(np.array([-1, 0], np.int32))
    got = ours.predict(nobody, np.array([3, -1], np.int32))
    assert got[0] == pytest.approx(theirs.predict("nobody", parts.train.items[3]).est)
    assert got[1] == pytest.approx(theirs.predict(parts.train.users[0], "nothing").est)
    assert np.isnan(ours.score(nobody, np.array([[-1], [9999]], np.int32))).all()


def test_raw_ids_of_the_users_own_training_set_are_found_by_their_text(parts):
    rated = parts.train.ratings.tocoo()
    number = {u: int(id_.removeprefix("u")) for u, id_ in enumerate(parts.train.users.series)}
    taught = adapter.trainset(parts.train)
    taught._raw2inner_id_users = {number[u]: u for u in number}  # whole numbers, as a file of theirs would have them
    theirs = surprise.SlopeOne().fit(taught)
    renamed = parts.train.users.__class__([str(number[u]) for u in range(parts.train.n_users)])
    ours = adapter.model(theirs, replace(parts.train, users=renamed))
    got = ours.predict(parts.train.queries(rated.row[:5].astype(np.int32)), rated.col[:5].astype(np.int32))
    raw = [
        theirs.predict(number[u], parts.train.items[i]).est for u, i in zip(rated.row[:5], rated.col[:5], strict=True)
    ]
    np.testing.assert_allclose(got, raw, rtol=1e-5)


def test_svd_is_kept_and_an_untrained_one_is_trained(parts, tmp_path):
    algorithm = surprise.SVD(n_factors=8, n_epochs=5, random_state=1)
    model = adapter.fit(algorithm, parts.train)
    assert not hasattr(algorithm, "trainset")
    save(model, tmp_path / "model")
    queries = parts.train.queries()
    assert np.array_equal(load(tmp_path / "model").score(queries), model.score(queries), equal_nan=True)
    measured = evaluate([model, "svd"], parts, "rmse")
    assert measured["mean"][0] == pytest.approx(measured["mean"][1], rel=0.5)


def test_what_does_not_fit_is_said(parts):
    with pytest.raises(UserError, match="is not trained"):
        adapter.model(surprise.SlopeOne(), parts.train)
    with pytest.raises(UserError, match="have none"):
        adapter.trainset(parts.train.where(np.zeros(len(parts.train), np.bool_)))
