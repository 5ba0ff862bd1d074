import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from serendip.data.dataset import Dataset
from serendip.data.queries import ask
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.contract import Predicts
from serendip.models.itemknn import ItemKNN
from serendip.models.itemratings import ItemRatings


def of(rows: list[tuple[str, str]]) -> Dataset:
    return Dataset.of(Tables(pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row")))


def rated(rows: list[tuple[str, str, float]]) -> Dataset:
    return Dataset.of(Tables(pl.DataFrame(rows, schema=["user_id", "item_id", "value"], orient="row")))


PAIRS = of([("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("c", "y"), ("c", "z")])


def dense(weights: object) -> np.ndarray:
    assert isinstance(weights, csr_matrix)
    return weights.toarray()


@pytest.mark.parametrize(
    ("similarity", "xy", "yz"),
    [("cosine", 2 / np.sqrt(2 * 3), 1 / np.sqrt(3)), ("jaccard", 2 / 3, 1 / 3), ("euclidean", 1 / 2, 1 / (1 + 2**0.5))],
)
def test_similarities_by_hand(similarity: str, xy: float, yz: float) -> None:
    w = dense(ItemKNN(similarity=similarity, weighting="none").fit(PAIRS).weights)
    np.testing.assert_allclose(w, [[0, xy, 0], [xy, 0, yz], [0, yz, 0]], rtol=1e-6)


def test_shrinkage_by_hand() -> None:
    w = dense(ItemKNN(weighting="none", shrinkage=10).fit(PAIRS).weights)
    assert w[0, 1] == pytest.approx(2 / (np.sqrt(6) + 10))


def test_tfidf_trusts_users_with_few_items_more() -> None:
    data = of([("few", "x"), ("few", "y"), *(("many", i) for i in "xzuvw")])
    plain = dense(ItemKNN(weighting="none").fit(data).weights)
    weighed = dense(ItemKNN(weighting="tfidf").fit(data).weights)
    x, y, z = data.items.index(["x", "y", "z"])
    assert plain[x, y] == plain[x, z]
    assert weighed[x, y] > weighed[x, z]


def test_an_item_is_judged_by_its_nearest_alone() -> None:
    model = ItemKNN(neighbours=1, weighting="none").fit(PAIRS)
    assert (np.diff(csr_matrix(model.weights).T.tocsr().indptr) == 1).all()
    y = PAIRS.items.index(["y"])
    assert model.items.take(model.similar(y, 1).item[0]) == ["x"]


def test_nothing_is_said_of_items_that_share_no_user_with_the_history() -> None:
    model = ItemKNN().fit(PAIRS)
    x, z = PAIRS.items.index(["x", "z"])
    assert np.isnan(model.score(ask([[int(x)]]))[0, z])


def test_the_recent_count_for_more_where_there_are_times() -> None:
    frame = pl.DataFrame({"user_id": list("aabb"), "item_id": list("xzyz"), "timestamp": [1, 2, 1, 2]})
    data = Dataset.of(Tables(pl.concat([frame, pl.DataFrame({"user_id": ["c"] * 2, "item_id": ["x", "y"],
                                                             "timestamp": [1, 2]})])))  # fmt: skip
    c = data.queries(data.users.index(["c"]))
    z = int(data.items.get("z"))
    decayed = ItemKNN(recency=1.0, weighting="none").fit(data)
    even = ItemKNN(recency=None, weighting="none").fit(data)
    assert decayed.score(c)[0, z] == pytest.approx(0.75 * even.score(c)[0, z])  # the older of the two counts half


def test_ratings_are_the_baseline_and_the_weighted_mean_beyond_it() -> None:
    generator = np.random.default_rng(0)
    rows = [(f"u{u}", f"i{i}", float(generator.integers(1, 6))) for u in range(12) for i in range(8) if (u + i) % 3]
    data = rated(rows)
    model = ItemKNN(neighbours=3).fit(data)
    assert isinstance(model, ItemRatings)
    user = np.arange(12, dtype=np.int32)
    item = np.array([0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3], np.int32)
    rest = model.baseline.residuals(data.ratings).toarray()
    norm = np.linalg.norm(rest, axis=0)
    cosine = rest.T @ rest / np.outer(norm, norm)
    for u, i, rating in zip(user, item, model.predict(data.queries(user), item), strict=True):
        mine = [j for j in data.ratings[int(u)].indices if j != i and cosine[i, j] > 0]
        near = sorted(mine, key=lambda j: -cosine[i, j])[:3]
        beyond = sum(cosine[i, j] * rest[u, j] for j in near) / max(sum(cosine[i, j] for j in near), 1e-9)
        bias = model.baseline.user_bias(data.ratings)[u] + model.baseline.item_bias[i] + model.baseline.mean
        assert rating == pytest.approx(np.clip(bias + beyond, 1, 5), abs=1e-4)


def test_only_ratings_teach_to_predict_ratings() -> None:
    assert not isinstance(ItemKNN().fit(PAIRS), Predicts)


def test_a_measure_of_differences_needs_some() -> None:
    with pytest.raises(UserError, match="use cosine"):
        ItemKNN(similarity="pearson").fit(PAIRS)
