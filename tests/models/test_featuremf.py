"""What attributes say of those who are new, beside what a history says."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from serendip.data.dataset import Dataset
from serendip.data.queries import Queries, ask, no_history
from serendip.data.tables import Tables
from serendip.models.als import ALS
from serendip.models.featuremf import FeatureMF, ridge


@pytest.fixture(scope="module")
def shop() -> Dataset:
    """Men take odd items and women even ones; a tenth of the users and items, the last, have no events."""
    random = np.random.default_rng(0)
    user, item = np.divmod(np.flatnonzero(random.random(60 * 40) < 0.4), 40)
    keep = ((user + item) % 2 == 0) & (user < 54) & (item < 36)
    users = pl.DataFrame({"user_id": [f"u{u}" for u in range(60)], "sex": ["woman", "man"] * 30})
    items = pl.DataFrame({"item_id": [f"i{i}" for i in range(40)], "shelf": ["even", "odd"] * 20})
    events = pl.DataFrame({"user_id": [f"u{u}" for u in user[keep]], "item_id": [f"i{i}" for i in item[keep]]})
    return Dataset.of(Tables(events, items, users))


def own(data: Dataset, score: np.ndarray, user: np.ndarray) -> float:
    """Return how often an item that suits a user's sex scores above one that does not."""
    shelf = np.array([int(i[1:]) % 2 for i in data.items.series])
    who = np.array([int(u[1:]) % 2 for u in data.users.take(user)])
    suits = shelf == who[:, None]
    return float(np.mean([(row[s][:, None] > row[~s]).mean() for row, s in zip(score, suits, strict=True)]))


def test_new_users_and_new_items_are_served_by_their_attributes(shop: Dataset) -> None:
    model = FeatureMF(rank=8).fit(shop)
    new = np.setdiff1d(np.arange(60), shop.user).astype(np.int32)
    assert len(new) >= 6 and model.known.all()
    stranger = replace(shop.queries(new), user=np.full(len(new), -1, np.int32), history=no_history(len(new)))
    assert own(shop, model.score(stranger), new) == 1
    assert np.isnan(ALS(rank=8).fit(shop).score(stranger)).all()


def test_vectors_that_are_brought_tell_who_new_items_are_for(shop: Dataset) -> None:
    vectors = shop.item_features["shelf"].replace_strict({"even": [1.0, 0.2], "odd": [0.2, 1.0]})
    data = replace(shop, item_features=pl.DataFrame({"vector": vectors}))
    model = FeatureMF(rank=8).fit(data)
    unseen = np.setdiff1d(np.arange(40), shop.item)
    score = model.score(data.queries(np.unique(shop.user)), np.tile(unseen, (54, 1)).astype(np.int32))
    suits = (np.unique(shop.user)[:, None] - unseen) % 2 == 0
    assert score[suits].min() > score[~suits].max()


def test_what_few_have_met_stays_near_to_what_its_attributes_say(shop: Dataset) -> None:
    """Others passed by an item that one user has taken: that they never saw it is likelier than that they refused."""
    first = shop.where((shop.item != 7) | (np.cumsum(shop.item == 7) <= 1))
    new, cold = first, shop.where(shop.item != 7)
    men = shop.queries(shop.users.index([f"u{u}" for u in range(1, 54, 2)]))

    def mean(data: Dataset, shrinkage: float) -> float:
        return float(FeatureMF(rank=8, shrinkage_items=shrinkage).fit(data).score(men)[:, 7].mean())

    untaken = mean(cold, 10.0)
    assert mean(new, 0.0) < 0.7 * untaken < mean(new, 10.0) < 1.3 * untaken


def test_a_history_counts_beside_attributes_and_against_them(shop: Dataset) -> None:
    model = FeatureMF(rank=8).fit(shop)
    odd = shop.items.index([f"i{i}" for i in range(1, 30, 2)])
    woman = Queries(
        np.array([-1], np.int32), ask([odd.tolist()]).history, user_features=pl.DataFrame({"sex": ["woman"]})
    )
    assert own(shop, model.score(woman), shop.users.index(["u1"])) > 0.95  # as a man
    assert own(shop, model.score(replace(woman, history=no_history(1))), shop.users.index(["u0"])) == 1


def test_a_fitted_row_is_what_folding_in_gives(shop: Dataset) -> None:
    model, known = FeatureMF(rank=8).fit(shop), shop.queries()
    folded = replace(known, user=np.full(len(known), -1, np.int32))
    np.testing.assert_allclose(model.score(known), model.score(folded), atol=1e-3)


def test_it_takes_up_items_that_come_later(shop: Dataset) -> None:
    model = FeatureMF(rank=8).fit(shop)
    items = shop.items.extend(["new odd", "untold"])
    assert shop.item_features is not None
    about = pl.concat([shop.item_features, pl.DataFrame({"shelf": ["odd", None]})])
    longer = model.extend(items, about)
    score = longer.score(shop.queries(shop.users.index(["u0", "u1"])))
    assert np.isnan(score[:, -1]).all() and score[1, -2] > score[0, -2]
    np.testing.assert_array_equal(score[:, :-2], model.score(shop.queries(shop.users.index(["u0", "u1"]))))


def test_ridge_is_the_closed_form() -> None:
    from scipy.sparse import random

    f = random(50, 7, 0.5, format="csr", dtype=np.float32, random_state=0)
    x = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    weight = np.linspace(0.5, 2, 50).astype(np.float32)
    dense = f.toarray()
    exact = np.linalg.solve((dense.T * weight) @ dense + 2 * np.eye(7), (dense.T * weight) @ x)
    np.testing.assert_allclose(ridge(f, x, weight, 2.0, np.zeros((7, 3), np.float32)), exact, atol=1e-3)
