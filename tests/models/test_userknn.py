import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.queries import ask
from serendip.data.tables import Tables
from serendip.models.userknn import UserKNN
from serendip.models.userneighbours import UserNeighbours
from serendip.models.userratings import UserRatings

SIMILARITIES = ["cosine", "adjusted_cosine", "pearson", "euclidean", "jaccard"]


def made(n_users: int = 20, n_items: int = 12, values: bool = False) -> Dataset:
    generator = np.random.default_rng(3)
    user, item = np.nonzero(generator.random((n_users, n_items)) < 0.4)
    frame = pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item]})
    if values:
        frame = frame.with_columns(pl.Series("value", generator.integers(1, 6, len(user)).astype(float)))
    return Dataset.of(Tables(frame))


def test_scores_are_the_votes_of_the_nearest() -> None:
    data = made()
    model = UserKNN(neighbours=3, weighting="none", damping=0.0).fit(data)
    x = data.matrix.toarray()
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    likeness = unit @ unit.T
    np.fill_diagonal(likeness, 0)  # nobody is a neighbour of their own
    score = np.nan_to_num(model.score(data.queries()))
    for u in range(data.n_users):
        third = np.sort(likeness[u])[-3]
        sure, even = likeness[u] > third + 1e-6, np.abs(likeness[u] - third) <= 1e-6
        chosen = np.flatnonzero(even)[np.argsort(data.users.tie[even])][: 3 - sure.sum()]
        near = np.where(sure, likeness[u], 0)
        near[chosen] = likeness[u][chosen]
        np.testing.assert_allclose(score[u], near @ x, rtol=1e-5)


def test_a_newcomer_with_the_same_history_gets_what_a_user_gets_from_the_others() -> None:
    data = made()
    model = UserKNN(neighbours=50).fit(data)
    items = data.matrix[0].indices.tolist()
    mine, new = model.score(data.queries(np.zeros(1, np.int32)))[0], model.score(ask([items]))[0]
    other = np.setdiff1d(np.arange(data.n_items), items)
    np.testing.assert_allclose(mine[other], new[other], rtol=1e-5)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_explanations_sum_to_the_score(similarity: str) -> None:
    data = made(values=True)
    model = UserKNN(neighbours=5, similarity=similarity).fit(data)
    queries = data.queries()
    slates = model.recommend(queries, 1)
    asked = np.flatnonzero(slates.item[:, 0] >= 0)
    found = model.explain(queries.rows(asked), slates.item[asked, 0])
    row = np.repeat(np.arange(len(asked)), np.diff(found.offset))
    total = np.bincount(row, found.weight, minlength=len(asked))
    np.testing.assert_allclose(total, slates.score[asked, 0], rtol=1e-4)


def test_damping_lifts_the_rare() -> None:
    rows = [("q", "h"), ("v", "h"), ("v", "rare"), ("v", "common"), *((f"w{i}", "common") for i in range(9))]
    data = Dataset.of(Tables(pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row")))
    rare, common = data.items.index(["rare", "common"])
    query = ask([[data.items.get("h")]])
    plain, damped = (UserKNN(damping=d).fit(data).score(query)[0] for d in (0.0, 0.5))
    assert plain[rare] == pytest.approx(plain[common])
    assert damped[rare] == pytest.approx(damped[common] * np.sqrt(10))


def test_ratings_are_the_baseline_and_what_neighbours_say_beyond_it() -> None:
    data = made(values=True)
    model = UserKNN(neighbours=4).fit(data)
    assert isinstance(model, UserRatings)
    user = np.repeat(np.arange(data.n_users, dtype=np.int32), 2)
    item = np.tile(np.array([1, 7], np.int32), data.n_users)
    rest = model.residuals.toarray()
    norm = np.linalg.norm(rest, axis=1)
    cosine = rest @ rest.T / np.maximum(np.outer(norm, norm), 1e-12)
    rated = data.ratings.toarray() > 0
    bias = model.baseline.user_bias(data.ratings)
    for u, i, rating in zip(user, item, model.predict(data.queries(user), item), strict=True):
        raters = [v for v in np.flatnonzero(rated[:, i]) if v != u and cosine[u, v] > 0]
        near = sorted(raters, key=lambda v: -cosine[u, v])[:4]
        beyond = sum(cosine[u, v] * rest[v, i] for v in near) / max(sum(cosine[u, v] for v in near), 1e-9)
        expected = model.baseline.mean + bias[u] + model.baseline.item_bias[i] + beyond
        assert rating == pytest.approx(np.clip(expected, 1, 5), abs=1e-4)


@pytest.mark.parametrize("shrinkage", [0.0, 3.0])
def test_ratings_of_the_near_are_those_over_shared_items(shrinkage: float) -> None:
    data = made(values=True)
    model = UserKNN(neighbours=4, similarity="euclidean", shrinkage=shrinkage).fit(data)
    assert isinstance(model, UserRatings)
    rest, rated = model.residuals.toarray(), data.ratings.toarray() > 0
    bias = model.baseline.user_bias(data.ratings)
    user, item = np.arange(data.n_users, dtype=np.int32), np.full(data.n_users, 7, np.int32)
    for u, rating in zip(user, model.predict(data.queries(user), item), strict=True):
        near = {}
        for v in np.flatnonzero(rated[:, 7]):
            both = rated[u] & rated[v]
            if v != u and both.any():
                near[v] = both.sum() / (both.sum() + shrinkage) / (1 + np.mean((rest[u, both] - rest[v, both]) ** 2))
        best = sorted(near, key=lambda v: -near[v])[:4]
        beyond = sum(near[v] * rest[v, 7] for v in best) / max(sum(near[v] for v in best), 1e-9)
        expected = model.baseline.mean + bias[u] + model.baseline.item_bias[7] + beyond
        assert rating == pytest.approx(np.clip(expected, 1, 5), abs=1e-4)


def test_without_ratings_there_is_nothing_to_predict() -> None:
    model = UserKNN().fit(made())
    assert type(model) is UserNeighbours
