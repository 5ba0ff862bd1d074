import numpy as np
import polars as pl
import pytest
from scipy.sparse import random as sparse_random

from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.rp3beta import P3alpha, RP3beta


def made(seed: int = 0, n_users: int = 40, n_items: int = 15) -> Dataset:
    """Interactions of several weights; the first user has every item."""
    pattern = sparse_random(n_users, n_items, 0.3, random_state=np.random.default_rng(seed)).toarray()
    pattern[0] = 0.5
    user, item = np.nonzero(pattern)
    events = pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item]})
    value = np.ceil(3 * pattern[user, item])
    return Dataset.of(Tables(events.with_columns(pl.Series("value", value))), InteractionRules(use_values=True))


def walk(x: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    """Two steps from item to user to item, by the definition."""
    from_user = (x / x.sum(axis=1, keepdims=True)) ** alpha
    from_item = (x / x.sum(axis=0)).T ** alpha
    w = from_item @ from_user / x.sum(axis=0) ** beta
    np.fill_diagonal(w, 0)
    return w


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.6, 0.3), (1.4, 1.0), (0.2, 0.5)])
def test_the_weights_are_the_walk(alpha: float, beta: float) -> None:
    data = made()
    w = RP3beta(alpha=alpha, beta=beta).fit(data).weights
    np.testing.assert_allclose(w.toarray(), walk(data.matrix.toarray().astype(np.float64), alpha, beta), rtol=1e-4)


def test_without_beta_it_is_p3alpha() -> None:
    data = made(1)
    a, b = P3alpha(alpha=0.7).fit(data).weights, RP3beta(alpha=0.7, beta=0.0).fit(data).weights
    np.testing.assert_array_equal(a.toarray(), b.toarray())


def test_the_greatest_of_each_column_are_kept() -> None:
    data = made(2)
    whole = walk(data.matrix.toarray().astype(np.float64), 0.6, 0.3)
    w = RP3beta(alpha=0.6, beta=0.3, neighbours=4).fit(data).weights.toarray()
    for i in range(data.n_items):
        assert set(np.flatnonzero(w[:, i])) == set(np.argsort(-whole[:, i])[:4])


def test_beta_holds_popular_items_back() -> None:
    data = made(3)
    popularity = np.asarray((data.matrix > 0).sum(axis=0)).ravel()
    first = [RP3beta(beta=beta).fit(data).recommend(data.queries(), 3).item for beta in (0.0, 1.0)]
    assert popularity[first[1]].mean() < popularity[first[0]].mean()


def test_views_that_weigh_nothing_are_nothing_to_learn_from() -> None:
    with pytest.raises(UserError, match="rp3beta has nothing to learn from"):
        RP3beta().fit(made().ruled(InteractionRules(weights={"interaction": 0.0})))
