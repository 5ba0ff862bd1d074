import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.queries import Queries, ask
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.knnbaseline import KNNBaseline

K, SHRINKAGE = 3, 2.0


def rated(n_users: int = 14, n_items: int = 9) -> Dataset:
    g = np.random.default_rng(3)
    rows = [(f"u{u}", f"i{i}", g.uniform(1, 5)) for u in range(n_users) for i in range(n_items) if (u + i) % 3]
    return Dataset.of(Tables(pl.DataFrame(rows, schema=["user_id", "item_id", "value"], orient="row")))


def alike(z: np.ndarray, similarity: str) -> np.ndarray:
    """Return the similarity of columns over the rows in which both have a value, one pair at a time."""
    n = z.shape[1]
    s = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            both = ~np.isnan(z[:, i]) & ~np.isnan(z[:, j])
            if i == j or not both.any():
                continue
            x, y = z[both, i], z[both, j]
            plain = 1 / (1 + np.mean((x - y) ** 2)) if similarity == "euclidean" else x @ y / np.sqrt(x @ x * (y @ y))
            s[i, j] = plain * both.sum() / (both.sum() + SHRINKAGE)
    return s


def weighted(s: np.ndarray, z: np.ndarray) -> float:
    near = sorted((at for at in np.flatnonzero(~np.isnan(z)) if s[at] > 1e-6), key=lambda at: -s[at])[:K]
    return float(s[near] @ z[near] / s[near].sum()) if near else 0.0


@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
@pytest.mark.parametrize("centre", ["baseline", "mean", "zscore", "none"])
@pytest.mark.parametrize("by", ["item", "user"])
def test_ratings_are_what_pairs_looked_at_one_by_one_say(by: str, centre: str, similarity: str) -> None:
    data = rated()
    model = KNNBaseline(K, by=by, centre=centre, similarity=similarity, shrinkage=SHRINKAGE).fit(data)
    r = data.ratings
    z = np.full(r.shape, np.nan)
    z[r.nonzero()] = model.centre.beyond(r).data
    m, s = model.centre.rows(r)
    s_ij = alike(z if by == "item" else z.T, similarity)
    expected = np.empty(r.shape)
    for u, i in np.ndindex(r.shape):
        beyond = weighted(s_ij[i], z[u]) if by == "item" else weighted(s_ij[u], z[:, i])
        expected[u, i] = m[u] + model.centre.column[i] + s[u] * model.centre.scale[i] * beyond
    unrated = r.toarray() == 0
    np.testing.assert_allclose(model.score(data.queries())[unrated], expected[unrated], atol=1e-3)


@pytest.mark.parametrize("by", ["item", "user"])
@pytest.mark.parametrize("centre", ["mean", "zscore"])
def test_centres_are_means_and_deviations(by: str, centre: str) -> None:
    data = rated()
    z = KNNBaseline(by=by, centre=centre).fit(data).centre.beyond(data.ratings)
    whole = np.full(z.shape, np.nan)
    whole[data.ratings.nonzero()] = z.data
    axis = 1 if by == "user" else 0
    np.testing.assert_allclose(np.nanmean(whole, axis), 0, atol=1e-5)
    if centre == "zscore":
        assert 0.7 < np.nanstd(whole, axis).mean() < 1


def test_a_stranger_with_the_history_of_a_user_gets_nearly_their_ratings() -> None:
    data = rated()
    model = KNNBaseline(by="item").fit(data)
    queries = data.queries()
    stranger = Queries(np.full(len(queries), -1, np.int32), queries.history)
    np.testing.assert_array_equal(model.score(queries), model.score(stranger))
    rating = model.predict(ask([[], [0]], [[], [5.0]]), np.array([-1, 99], np.int32))
    assert rating[0] == pytest.approx(model.centre.baseline.mean, abs=1e-5)


def test_without_ratings_another_algorithm_is_named() -> None:
    with pytest.raises(UserError, match="itemknn"):
        KNNBaseline().fit(Dataset.of(Tables(pl.DataFrame({"user_id": ["a"], "item_id": ["x"]}))))
