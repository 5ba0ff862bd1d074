"""The simulated shop: the same on every run, realistic in what shows, and true to the preferences that it hides."""

import hashlib

import numpy as np
import polars as pl
import pytest

from serendip.data.shop import DAY, SLATE, START, Shop, simulate
from serendip.data.tables import EVENT_SCHEMA
from serendip.data.wares import RANK
from serendip.errors import UserError


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulate(seed=7, n_users=800, n_items=300, days=365)


GOLDEN = ["74f7e39566f06666", "26dc3ecf37316040", "6d1ab12086c06f0a", "d485e8e642fa4480"]  # of simulate(1, 50, 40, 40)


def digest(frame: pl.DataFrame) -> str:
    """Hash a table by its values, apart from how any library prints or stores them."""
    text = "\n".join(repr(row) for row in frame.rows())
    return hashlib.sha256((repr(frame.columns) + text).encode()).hexdigest()


def index(shop: Shop, events: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    user = {name: row for row, name in enumerate(shop.tables.users["user_id"])}
    item = {name: row for row, name in enumerate(shop.tables.items["item_id"])}
    return np.array([user[u] for u in events["user_id"]]), np.array([item[i] for i in events["item_id"]])


def of(shop: Shop, kind: str) -> pl.DataFrame:
    return shop.tables.events.filter(pl.col("type") == kind)


def test_same_seed_same_tables_other_seed_others() -> None:
    first, second, other = simulate(3, 60, 40, 50), simulate(3, 60, 40, 50), simulate(4, 60, 40, 50)
    for part in (
        lambda s: s.tables.events,
        lambda s: s.tables.items,
        lambda s: s.tables.users,
        lambda s: s.impressions,
    ):
        assert part(first).equals(part(second))
        assert not part(first).equals(part(other))


def test_tables_are_the_same_on_every_machine() -> None:
    shop = simulate(1, 50, 40, 40)
    found = [digest(t)[:16] for t in (shop.tables.events, shop.tables.items, shop.tables.users, shop.impressions)]
    assert found == GOLDEN


def test_schema_ids_and_time_order(shop: Shop) -> None:
    events, items, users = shop.tables.events, shop.tables.items, shop.tables.users
    assert events.schema == EVENT_SCHEMA
    assert events["event_id"].n_unique() == len(events)
    assert events["timestamp"].is_sorted()
    assert events["timestamp"].is_between(START, START + 365 * DAY - 1).all()
    assert items["title"].n_unique() == len(items) and items["title"].null_count() == 0
    assert set(events["item_id"]) <= set(items["item_id"]) and set(events["user_id"]) <= set(users["user_id"])
    assert shop.truth.user_factors.shape == (800, RANK + 2) and shop.truth.item_factors.shape == (300, RANK + 2)
    assert set(events["context"].drop_nulls().str.json_path_match("$.device")) == {"phone", "desktop", "tablet"}


def test_funnel_narrows_and_runs_forward_in_time(shop: Shop) -> None:
    counts = [len(of(shop, kind)) for kind in ("view", "cart", "purchase", "rating", "return")]
    assert counts == sorted(counts, reverse=True) and counts[-1] > 0
    assert 0.05 < counts[2] / counts[0] < 0.35
    first = {
        kind: of(shop, kind).group_by("user_id", "item_id").agg(pl.col("timestamp").min().alias(kind))
        for kind in ("view", "cart", "purchase", "rating", "return")
    }
    for before, after in (("view", "cart"), ("cart", "purchase"), ("purchase", "rating"), ("purchase", "return")):
        joined = first[after].join(first[before], on=["user_id", "item_id"], how="left")
        assert joined[before].null_count() == 0
        assert (joined[before] < joined[after]).all()
    assert set(of(shop, "rating")["value"]) <= {1.0, 2.0, 3.0, 4.0, 5.0}
    assert shop.tables.events.filter(pl.col("type") != "rating")["value"].null_count() == sum(counts) - counts[3]


def test_nothing_happens_before_release_or_joining(shop: Shop) -> None:
    events = shop.tables.events.join(shop.tables.items, on="item_id").join(shop.tables.users, on="user_id")
    assert (events["timestamp"] >= events["released"].dt.epoch("ms")).all()
    assert (events["timestamp"] >= events["joined"].dt.epoch("ms")).all()
    assert (shop.tables.items["released"].dt.epoch("ms") > START).sum() > 50
    assert (shop.tables.users["joined"].dt.epoch("ms") > START).sum() > 200


def test_popularity_has_a_long_tail(shop: Shop) -> None:
    views = np.sort(of(shop, "view").group_by("item_id").len()["len"].to_numpy())[::-1]
    assert views[: len(views) // 5].sum() > 0.5 * views.sum()
    activity = np.sort(of(shop, "view").group_by("user_id").len()["len"].to_numpy())[::-1]
    assert activity[: len(activity) // 5].sum() > 0.45 * activity.sum()


def test_position_bias_beyond_what_preference_explains(shop: Shop) -> None:
    user, item = index(shop, shop.impressions)
    utility = (shop.truth.user_factors[user] * shop.truth.item_factors[item]).sum(axis=1)
    position, clicked = shop.impressions["position"].to_numpy(), shop.impressions["clicked"].to_numpy()
    for low, high in ((-1.0, 0.0), (0.0, 1.0)):  # among impressions that are liked alike
        alike = (utility > low) & (utility < high)
        top, bottom = (clicked[alike & (position == place)].mean() for place in (0, SLATE - 1))
        assert top > 3 * bottom
    linked = shop.tables.events.filter((pl.col("type") == "view") & pl.col("impression_id").is_not_null())
    assert linked["impression_id"].n_unique() == len(linked) == clicked.sum()


def test_propensities_are_the_frequencies_of_the_draws() -> None:
    shop = simulate(5, n_users=1500, n_items=12, days=60)
    shown = shop.impressions.with_columns(day=(pl.col("timestamp") - START) // DAY)
    top = shown.filter(pl.col("position") == 0)
    drawn = top.group_by("item_id").len().sort("item_id")
    # An item's expected count on top is the sum of its chance over the visits; a day's chance stands on its drawn rows.
    chance = top.group_by("day", "item_id").agg(
        pl.col("propensity").first(), pl.col("propensity").n_unique().alias("n")
    )
    assert (chance["n"] == 1).all()
    expected = (
        chance.join(top.group_by("day").agg(pl.len().alias("visits")), on="day")
        .group_by("item_id")
        .agg((pl.col("propensity") * pl.col("visits")).sum().alias("expected"))
        .sort("item_id")
    )
    both = drawn.join(expected, on="item_id").filter(pl.col("len") > 200)
    assert len(both) >= 5
    np.testing.assert_allclose(both["len"], both["expected"], rtol=0.2)
    assert shown["propensity"].is_between(0, 1, closed="right").all()
    slates = shown.group_by("user_id", "timestamp").agg(pl.col("item_id").n_unique() == pl.len())
    assert slates["item_id"].all()  # no item twice in a slate


def test_seasons_of_week_and_year(shop: Shop) -> None:
    day = (of(shop, "view")["timestamp"].to_numpy() - START) // DAY
    weekend = np.isin(day % 7, (5, 6))
    assert weekend.mean() > 2 / 7 * 1.15
    views = of(shop, "view").join(shop.tables.items, on="item_id").filter(pl.col("category").is_not_null())
    views = views.with_columns(
        month=pl.from_epoch("timestamp", "ms").dt.month(), department=pl.col("category").list.first()
    )
    sold = {(row[0], row[1]): row[2] for row in views.group_by("department", "month").len().rows()}
    garden, kitchen = (
        [sum(sold[name, m] for m in months) for months in ((5, 6), (11, 12))] for name in ("garden", "kitchen")
    )
    assert garden[0] / garden[1] > 3 * kitchen[0] / kitchen[1]


def test_demographics_predict_tastes(shop: Shop) -> None:
    users = shop.tables.users.with_row_index("row").drop_nulls(["age", "gender"])
    z = (users["age"].to_numpy() - 41) / 14
    sex = users["gender"].replace_strict({"female": 1.0, "male": -1.0, "other": 0.0}).to_numpy()
    features = np.column_stack([np.ones(len(users)), z, sex])
    taste = shop.truth.user_factors[users["row"].to_numpy(), :RANK]
    fitted = features @ np.linalg.lstsq(features, taste, rcond=None)[0]
    explained = 1 - ((taste - fitted) ** 2).sum() / ((taste - taste.mean(axis=0)) ** 2).sum()
    assert 0.25 < explained < 0.9


def test_category_and_text_predict_item_factors(shop: Shop) -> None:
    items = shop.tables.items.with_row_index("row").drop_nulls("category")
    factors = shop.truth.item_factors[items["row"].to_numpy(), :RANK]
    department = items["category"].list.first().to_numpy()
    within = sum(
        ((factors[department == d] - factors[department == d].mean(axis=0)) ** 2).sum() for d in set(department)
    )
    assert within < 0.7 * ((factors - factors.mean(axis=0)) ** 2).sum()
    title = shop.tables.items["title"]
    modern, rustic = (
        shop.truth.item_factors[title.str.contains(f" ({words}) ").to_numpy(), 0].mean()
        for words in ("Modern|Sleek|Bright", "Rustic|Vintage|Antique")
    )
    assert modern > rustic + 0.3


def test_some_attributes_are_missing_and_most_are_not(shop: Shop) -> None:
    for frame, names in (
        (shop.tables.users, ["age", "gender", "country"]),
        (shop.tables.items, ["description", "price"]),
    ):
        for name in names:
            assert 0 < frame[name].null_count() < 0.25 * len(frame)


def test_true_preferences_beat_popularity_by_far_on_future_purchases(shop: Shop) -> None:
    cut = START + 300 * DAY
    bought = of(shop, "purchase")
    user, item = index(shop, bought)
    late = bought["timestamp"].to_numpy() >= cut
    future = np.zeros((800, 300), bool)
    future[user[late], item[late]] = True
    asked = np.flatnonzero(future.any(axis=1))

    def recall(score: np.ndarray) -> float:
        top = np.argsort(-score, axis=1)[:, :10]
        return float((np.take_along_axis(future[asked], top, axis=1).sum(axis=1) / future[asked].sum(axis=1)).mean())

    popular = np.broadcast_to(np.bincount(item[~late], minlength=300), (len(asked), 300))
    preference, expected = recall(shop.truth.preference(asked)), recall(shop.truth.expected(asked, 300))
    assert preference > 1.25 * recall(popular)
    assert expected > 1.5 * recall(popular)


def test_expected_purchases_come_true() -> None:
    shop = simulate(11, n_users=3000, n_items=100, days=20)
    everyone = np.arange(3000)
    bought = of(shop, "purchase")
    _, item = index(shop, bought)
    day = (shop.impressions["timestamp"].to_numpy() - START) // DAY
    visits = shop.impressions.with_columns(day=pl.Series(day)).unique(["user_id", "timestamp"])
    seen, _ = index(shop, visits)  # each visit with a slate stands for two: the other half of the visits search
    expected = np.zeros(100)
    for today in range(20):
        chosen = seen[visits["day"].to_numpy() == today]
        expected += 2 * shop.truth.expected(everyone, today)[chosen].sum(axis=0)
    assert abs(len(item) / expected.sum() - 1) < 0.08
    assert np.corrcoef(expected, np.bincount(item, minlength=100))[0, 1] > 0.95


@pytest.mark.parametrize("size", ["n_users", "n_items", "days"])
def test_an_empty_shop_is_refused_and_the_smallest_works(size: str) -> None:
    with pytest.raises(UserError, match=f"{size} of at least 1"):
        simulate(**{size: 0})
    smallest = simulate(**{"n_users": 1, "n_items": 1, "days": 1})
    assert len(smallest.tables.items) == len(smallest.tables.users) == 1
