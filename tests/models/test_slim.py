import numpy as np
import polars as pl
import psutil
import pytest
from sklearn.linear_model import ElasticNet

from serendip.checks.toys import planted
from serendip.data.dataset import Dataset
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.ease import EASE
from serendip.models.slim import SLIM, gram


def made(seed: int = 0, n_users: int = 80, n_items: int = 12) -> Dataset:
    there = np.random.default_rng(seed).random((n_users, n_items)) < 0.3
    there[0] = True  # a user with every item
    user, item = np.nonzero(there)
    return Dataset.of(Tables(pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item]})))


def test_a_column_is_the_elastic_net() -> None:
    data = made()
    x, (n, m) = data.matrix.toarray().astype(np.float64), data.matrix.shape
    w = SLIM(l1=1.0, l2=3.0, sweeps=5000).fit(data).weights.toarray()
    # scikit-learn's objective is ours over n
    net = ElasticNet(alpha=4 / n, l1_ratio=1 / 4, positive=True, fit_intercept=False, tol=1e-10, max_iter=100_000)
    for i in range(m):
        others = np.arange(m) != i
        np.testing.assert_allclose(w[others, i], net.fit(x[:, others], x[:, i]).coef_, atol=2e-3)


def test_more_l1_leaves_fewer_weights() -> None:
    data = planted().data
    few, many = (SLIM(l1=l1).fit(data).weights.nnz for l1 in (5.0, 0.0))
    assert 0 < few < many


def test_candidates_bound_the_weights_of_a_column() -> None:
    weights = SLIM(candidates=4, l1=0.0).fit(planted().data).weights
    assert np.diff(weights.tocsc().indptr).max() <= 4


def test_an_item_that_only_companions_explain_has_the_weights_of_ease_where_these_are_positive() -> None:
    """Two items that always go together, and others by themselves: the one is the other."""
    user = [f"u{u}" for u in range(40)] * 2 + [f"v{u}" for u in range(30)]
    item = ["a"] * 40 + ["b"] * 40 + [f"c{u % 3}" for u in range(30)]
    data = Dataset.of(Tables(pl.DataFrame({"user_id": user, "item_id": item})))
    slim, ease = SLIM(l1=0.0, l2=5.0).fit(data).weights.toarray(), EASE(l2=5.0).fit(data).weights
    a, b = data.items.index(["a", "b"])
    assert slim[a, b] == pytest.approx(40 / 45, rel=1e-4) == ease[a, b]
    assert not np.delete(slim[:, b], a).any()


def test_products_that_do_not_fit_are_refused_with_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    free = psutil.virtual_memory()._replace(available=1000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    with pytest.raises(UserError, match=r"slim needs up to .* GB for the products of 12 items .* use rp3beta"):
        gram(made().matrix, "slim")
