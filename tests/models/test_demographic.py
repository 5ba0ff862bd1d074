import numpy as np
import polars as pl
import pytest

from serendip.data.catalogue import load
from serendip.data.dataset import Dataset
from serendip.data.interactions import InteractionRules
from serendip.data.queries import Queries, no_history
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.demographic import MOST, Demographic, lifts
from serendip.models.popular import Popular
from serendip.models.segments import EVERYONE
from serendip.models.userattributeknn import UserAttributeKNN
from serendip.service.reasons import reasons


def made(n: int = 200) -> Dataset:
    """Users under 40 take x and women y, each three times as often as others do; z is taken by all alike."""
    chance = np.random.default_rng(4)
    age, woman = chance.integers(18, 70, n), chance.random(n) < 0.5
    odds = np.column_stack([np.where(age < 40, 0.6, 0.2), np.where(woman, 0.6, 0.2), np.full(n, 0.35)])
    user, item = np.nonzero(chance.random((n, 3)) < odds)
    events = pl.DataFrame({"user_id": [f"u{u}" for u in user], "item_id": [f"{'xyz'[i]}" for i in item]})
    users = pl.DataFrame(
        {"user_id": [f"u{u}" for u in range(n)], "age": age.astype(float), "sex": np.where(woman, "f", "m")}
    )
    return Dataset.of(Tables(events, users=users))


def newcomers(**columns: list[object]) -> Queries:
    about = pl.DataFrame(columns, strict=False)
    return Queries(np.full(len(about), -1, np.int32), no_history(len(about)), user_features=about)


@pytest.mark.parametrize("algorithm", [Demographic(bands=2), UserAttributeKNN(neighbours=60)])
def test_new_users_get_what_their_like_took(algorithm: Demographic | UserAttributeKNN) -> None:
    data = made()
    asked = newcomers(age=[22.0, 60.0, 60.0], sex=["m", "f", "m"])
    first = algorithm.fit(data).recommend(asked, 1).item[:, 0]
    assert data.items.take(first) == ["x", "y", "z"]


def test_who_says_nothing_gets_what_is_popular() -> None:
    data = made()
    model, popular = Demographic().fit(data), Popular().fit(data)
    asked = newcomers(age=[None], sex=["unheard of"])
    expected = popular.recommend(asked, 3).item
    for queries in (asked, newcomers(shoe_size=[43]), Queries(asked.user, asked.history)):
        np.testing.assert_array_equal(model.recommend(queries, 3).item, expected)


def test_reasons_name_the_segment() -> None:
    data = made()
    model = Demographic(bands=2).fit(data)
    asked = newcomers(age=[22.0, 60.0], sex=["f", "f"])
    x, y, z = data.items.index(["x", "y", "z"])
    said = reasons(model, asked, np.array([x, y, y]), np.array([0, 0, 1]), list(data.items.series))
    assert said[0].startswith("popular with people aged 18 to ")
    assert said[1:] == ["popular with people whose sex is f"] * 2
    [plain] = reasons(model, newcomers(age=[None], sex=[None]), np.array([z]), np.array([0]), ["z"])
    assert plain == EVERYONE


def test_lifts_are_learned_and_shrunk() -> None:
    chance = np.random.default_rng(0)
    alike = chance.poisson(np.outer([30, 50, 90], np.linspace(1, 3, 400))).astype(float)
    assert np.abs(lifts(alike)).max() < 0.12  # by chance alone counts differ by more than that
    taste = chance.gamma(4.0, 1 / 4.0, (40, 400))
    counted = chance.poisson(10 * taste).astype(float)
    plain = np.log(np.maximum(counted, 0.5) / 10)
    wrong = [np.square(guess - np.log(taste)).mean() for guess in (lifts(counted), plain)]
    assert wrong[0] < 0.8 * wrong[1]  # shrunk, they are nearer to the truth
    assert (lifts(np.full((2, 3), 5.0)) == 0).all()


def test_one_segment_lifts_nothing() -> None:
    assert (np.abs(lifts(np.array([[3.0, 1.0, 0.0]]))) < 1 / MOST).all()


@pytest.mark.parametrize("algorithm", [Demographic, UserAttributeKNN])
def test_what_is_missing_is_said(algorithm: type[Demographic] | type[UserAttributeKNN]) -> None:
    data = made()
    with pytest.raises(UserError, match=r"no attribute 'agge'; did you mean 'age'"):
        algorithm(columns=("agge",)).fit(data)
    bare = Dataset.of(Tables(pl.DataFrame({"user_id": ["a"], "item_id": ["x"]})))
    with pytest.raises(UserError, match="give a users table"):
        algorithm().fit(bare)


def test_people_of_movielens_get_better_than_popularity() -> None:
    try:
        tables = load("ml-100k", offline=True)
    except UserError as missing:
        if "ml-100k is not here" not in str(missing):
            raise
        pytest.skip(str(missing))
    data = Dataset.of(Tables(tables.events.select("user_id", "item_id"), users=tables.users), InteractionRules())
    out = np.random.default_rng(0).permutation(data.n_users)[:189].astype(np.int32)
    train = data.where(~np.isin(data.user, out))
    hits = []
    for algorithm in (Popular(), Demographic(), UserAttributeKNN()):
        asked = train.queries(out)
        got = algorithm.fit(train).recommend(asked, 10).item
        taken = [set(data.item[data.offset[u] : data.offset[u + 1]].tolist()) for u in out]
        hits.append(np.mean([len(set(row.tolist()) & mine) for row, mine in zip(got, taken, strict=True)]))
    assert min(hits[1:]) > hits[0]
