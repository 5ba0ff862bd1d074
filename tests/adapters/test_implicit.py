"""Recommenders of implicit in our shapes: the library's own scores, kept and served."""

import warnings

import numpy as np
import pytest

from serendip.adapters import implicit as adapter
from serendip.checks.toys import planted
from serendip.data.queries import Queries
from serendip.errors import UserError
from serendip.models.contract import Explains, Similar
from serendip.store.artefacts import load, save

pytest.importorskip("implicit", reason="implicit is not installed")


@pytest.fixture(scope="module")
def data():
    return planted().data


def made(module, kind, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own about BLAS threads
        return getattr(__import__(f"implicit.{module}", fromlist=[kind]), kind)(**settings)


def trained(recommender, data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recommender.fit(data.matrix, show_progress=False)
    return recommender


ALS = ("als", "AlternatingLeastSquares", {"factors": 8, "random_state": 1})
KINDS = [
    ALS,
    ("bpr", "BayesianPersonalizedRanking", {"factors": 8, "random_state": 1}),
    ("lmf", "LogisticMatrixFactorization", {"factors": 8, "random_state": 1}),
    ("nearest_neighbours", "CosineRecommender", {"K": 10}),
    ("nearest_neighbours", "BM25Recommender", {"K": 10}),
]


@pytest.mark.parametrize(("module", "kind", "settings"), KINDS, ids=[kind for _, kind, _ in KINDS])
def test_scores_are_the_librarys_own(data, module, kind, settings):
    theirs = trained(made(module, kind, **settings), data)
    ours = adapter.model(theirs, data)
    user = np.arange(data.n_users, dtype=np.int32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        item, score = theirs.recommend(user, data.matrix, N=5, filter_already_liked_items=True)
    got = ours.score(data.queries(user), item.astype(np.int32))
    there = score > 0 if kind in ("CosineRecommender", "BM25Recommender") else np.isfinite(score)
    assert there.mean() > 0.9
    np.testing.assert_allclose(got[there], score[there], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("alpha", [1.0, 20.0])
def test_a_newcomer_is_folded_in_as_the_library_does(data, alpha):
    theirs = trained(made(*ALS[:2], **ALS[2], alpha=alpha, use_cg=False), data)
    ours = adapter.model(theirs, data)
    queries = data.queries(np.arange(20, dtype=np.int32))
    newcomers = Queries(np.full(20, -1, np.int32), queries.history)
    expected = theirs.recalculate_user(np.arange(20), data.matrix[:20])
    np.testing.assert_allclose(ours.user_rows(newcomers)[0], expected, rtol=5e-3, atol=5e-4)


def test_it_is_trained_without_being_touched_and_kept(data, tmp_path):
    recommender = made(*ALS[:2], **ALS[2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = adapter.fit(recommender, data)
    assert recommender.item_factors is None
    assert isinstance(model, Similar) and isinstance(model, Explains)
    save(model, tmp_path / "model")
    queries = data.queries()
    assert np.array_equal(load(tmp_path / "model").score(queries), model.score(queries), equal_nan=True)


def test_what_does_not_fit_is_said(data):
    with pytest.raises(UserError, match="dict is of builtins, not of implicit"):
        adapter.fit({}, data)
    with pytest.raises(UserError, match=r"train it first on data\.matrix"):
        adapter.model(made(*ALS[:2], **ALS[2]), data)
    theirs = trained(made(*ALS[:2], **ALS[2]), planted(n_items=60).data)
    with pytest.raises(UserError, match="60 items, and the data has 300 and 120"):
        adapter.model(theirs, data)
