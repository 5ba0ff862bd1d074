import numpy as np
import polars as pl
import pytest
from scipy.optimize import nnls

from serendip.checks.toys import planted
from serendip.data.dataset import Dataset
from serendip.data.queries import Queries, ask
from serendip.data.tables import Tables
from serendip.models.contract import Predicts, Run
from serendip.models.nmf import NMF, factorised
from serendip.models.nonnegativeratings import NonnegativeRatings
from serendip.models.reconstruction import Reconstruction


def rated(seed: int = 0, n_users: int = 150, n_items: int = 60, rank: int = 3) -> tuple[Dataset, np.ndarray]:
    """Ratings of 1 to 5, sums of a few non-negative parts, some of them given; the first user has every item."""
    rng = np.random.default_rng(seed)
    whole = rng.gamma(1.0, size=(n_users, rank)) @ rng.gamma(1.0, size=(rank, n_items))
    whole = 1 + 4 * np.clip(whole / np.quantile(whole, 0.95), 0, 1)
    given = rng.random(whole.shape) < 0.4
    given[0] = True
    user, item = np.nonzero(given)
    events = pl.DataFrame({
        "user_id": [f"u{u}" for u in user], "item_id": [f"i{i}" for i in item], "value": whole[user, item],
        "type": ["rating"] * len(user),
    })  # fmt: skip
    data = Dataset.of(Tables(events))
    at = [int(i.removeprefix("i")) for i in data.items.series]
    return data, whole[:, at][[int(u.removeprefix("u")) for u in data.users.series]]


def test_factors_are_not_negative_and_the_interactions_come_near() -> None:
    data = planted().data
    model = NMF(rank=20, l2=0.1).fit(data)
    p, q = np.asarray(model.user_factors), np.asarray(model.item_factors)
    assert (p >= 0).all() and (q >= 0).all() and (p == 0).mean() > 0.2
    x = data.matrix.toarray()
    best = np.linalg.svd(x, compute_uv=False)[20:]  # what no factorisation of this rank can explain
    assert np.linalg.norm(x - p @ q.T) < 1.15 * np.sqrt((best**2).sum())


def test_a_user_row_is_the_non_negative_least_squares_and_so_is_a_newcomers() -> None:
    data = planted().data
    model, queries = NMF(rank=10, l2=1.0).fit(data), data.queries()
    q, x = np.asarray(model.item_factors, np.float64), data.matrix.toarray()
    expected = [
        nnls(np.vstack([q, np.sqrt(np.sqrt((row > 0).sum())) * np.eye(10)]), np.r_[row, np.zeros(10)])[0] for row in x
    ]
    np.testing.assert_allclose(model.user_factors, expected, atol=1e-3)
    nobody = Queries(np.full(len(queries), -1, np.int32), queries.history)
    np.testing.assert_allclose(model.score(nobody), model.score(queries), atol=1e-4)


def test_contributions_are_owed_to_items_of_the_history_alone() -> None:
    data = planted().data
    model, queries = NMF(rank=10).fit(data), data.queries()
    item = np.full(len(queries), 3, np.int32)
    parts = model.explain(queries, item)
    assert (parts.item >= 0).all()
    total = np.add.reduceat(parts.weight, parts.offset[:-1])
    np.testing.assert_allclose(total, model.score(queries, item[:, None])[:, 0], atol=2e-3)


def test_ratings_of_planted_parts_are_predicted() -> None:
    data, whole = rated()
    model = NMF(rank_ratings=5, epochs_ratings=50, l2_ratings=0.01).fit(data)
    assert isinstance(model, NonnegativeRatings)
    user, item = np.nonzero(data.ratings.toarray() == 0)
    error = model.predict(data.queries(user.astype(np.int32)), item.astype(np.int32)) - whole[user, item]
    assert np.sqrt((error**2).mean()) < 0.35 * whole[user, item].std()


def test_nobody_and_nothing_have_a_rating_near_the_mean() -> None:
    data, whole = rated(1)
    model = NMF().fit(data)
    assert isinstance(model, Predicts)
    rating = model.predict(ask([[]]), np.array([-1], np.int32))
    assert rating == pytest.approx(whole.mean(), abs=0.5)
    known = model.predict(data.queries(np.array([3], np.int32)), np.array([10_000], np.int32))
    assert known == pytest.approx(data.ratings[3].data.mean(), abs=0.6)


def test_without_ratings_nothing_is_predicted() -> None:
    data = Dataset.of(Tables(pl.DataFrame({"user_id": ["a", "a", "b"], "item_id": ["x", "y", "x"]})))
    model = NMF().fit(data)
    assert type(model) is Reconstruction and not isinstance(model, Predicts)


def test_the_same_for_any_number_of_threads() -> None:
    x = planted().data.matrix
    one, three = (factorised(x, 9, 5, 1.0, Run(threads=n), "") for n in (1, 3))
    for a, b in zip(one, three, strict=True):
        np.testing.assert_array_equal(a, b)
