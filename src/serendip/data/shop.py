"""A simulated shop whose customers' true preferences are known: how far is a model from the best possible?

Customers have tastes that their age, gender and country shape in part; items have factors that their department, text
and price betray in part. On each visit the shop shows a slate drawn by popularity, season and trend (logged with its
propensities; the eye tires towards the lower positions), or the customer searches by taste. A view may lead to a cart,
a cart to a purchase, a purchase to a rating or a return. The day of the year and of the week, the hour, the device, new
items and new customers all leave their trace. Every chance comes from one PCG64 stream, and every figure that reaches
a table is an integer or rounded, so that a seed gives the same tables on every machine.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from serendip.arrays import F64, I64, Bool
from serendip.data import wares
from serendip.data.tables import EVENT_SCHEMA, Tables
from serendip.data.wares import PEAK, RANK
from serendip.errors import UserError

DAY = 86_400_000  # milliseconds
START = 1_704_067_200_000  # Monday, 2024-01-01 UTC
SLATE = 10  # items shown on a visit
FINDS = 12  # items that a search brings up, before season and stock thin them out
EXAMINE = 1 / np.arange(1, SLATE + 1) ** 0.7  # (SLATE,) chance that a customer looks at a position
TYPES = ("view", "cart", "purchase", "rating", "return")
DEVICES = ("phone", "desktop", "tablet")
COUNTRIES = ("GB", "DE", "FR", "NL", "US")


@dataclass(frozen=True)
class Truth:
    """What no shop knows: row u of the factors is row u of the users' table, row i is row i of the items' table.

    The last two factors are an item's quality and (minus) how dear it is within its department, which a customer
    weighs with 1 and with their price sensitivity.
    """

    user_factors: F64  # (n_users, RANK + 2)
    item_factors: F64  # (n_items, RANK + 2)
    popularity: F64  # (n_items,), sums to 1: how well known an item is
    demand: F64  # (days, n_items) in [0, 1]: season, trend and stock; 0 before the item's release

    def preference(self, user: I64) -> F64:
        """Return the true utility of every item to each given user index, (n, n_items); it drives every step below."""
        return np.asarray(self.user_factors[user] @ self.item_factors.T)

    def pairs(self, user: I64, item: I64) -> F64:
        """Return the true utility of the n-th item to the n-th user, (n,)."""
        return np.asarray(np.einsum("nr,nr->n", self.user_factors[user], self.item_factors[item]))

    def expected(self, user: I64, day: int) -> F64:
        """Return each user's expected purchases of every item on a visit on that day, (n, n_items).

        This is the best possible ranking of the next purchases: preference, and what the shop puts before people.
        Exact for searches; a slate's draws without repetition are taken at their mean.
        """
        utility = self.preference(user)
        policy = self.policy(day)
        unseen, examined = np.ones(len(policy)), np.zeros(len(policy))
        for examine in EXAMINE:
            drawn = np.minimum(unseen * policy / max((unseen * policy).sum(), 1e-12), unseen)
            examined += examine * drawn
            unseen -= drawn
        found = (1 - (1 - self.attention(user)) ** FINDS) * self.demand[day]
        return np.asarray((examined * _click(utility) + found) / 2 * _cart(utility) * _buy(utility))

    def policy(self, day: int | slice) -> F64:
        """Return what the shop shows: by fame and demand, one time in five anything in stock; rows sum to 1."""
        demand = self.demand[day]
        chance, stock = self.popularity * demand, np.where(demand > 0, 1.0, 0.0)
        totals = (np.maximum(part.sum(axis=-1, keepdims=True), 1e-12) for part in (chance, stock))
        return np.asarray(0.8 * chance / next(totals) + 0.2 * stock / next(totals))

    def attention(self, user: I64 | slice) -> F64:
        """Return the share of each item in what a user's search brings up, (n, n_items); rows sum to 1."""
        utility = self.user_factors[user] @ self.item_factors.T
        share = np.exp(1.3 * (utility - utility.max(axis=1, keepdims=True))) * np.sqrt(self.popularity)
        return np.asarray(share / share.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Shop:
    """What a shop would have on file, and the truth beside it."""

    tables: Tables
    impressions: pl.DataFrame  # impression_id, user_id, item_id, timestamp, position (0 = top), propensity, clicked
    truth: Truth


def simulate(seed: int = 0, n_users: int = 1000, n_items: int = 500, days: int = 180) -> Shop:
    """Return a shop of so many customers and items over so many days from 2024-01-01; the same seed, the same shop.

    Events are views, carts, purchases, ratings (value 1 to 5) and a few returns, with `{"device", "hour"}` as context.
    Raises `UserError` where a size is below one. 10,000 customers x 5,000 items x 90 days take a few seconds.
    """
    for name, size in (("n_users", n_users), ("n_items", n_items), ("days", days)):
        if size < 1:
            raise UserError(f"a simulated shop needs {name} of at least 1, not {size}")
    rng = np.random.Generator(np.random.PCG64(seed))
    goods = wares.make(rng, n_items)
    released = np.where(
        rng.random(n_items) < 0.7, -rng.integers(1, 720, size=n_items), rng.integers(days, size=n_items)
    )
    items = goods.frame.with_columns(_dates("released", released))
    users, user_factors, age, joined = _customers(rng, n_users, days)
    fame = goods.factors[:, RANK] + 0.8 * rng.standard_normal(n_items)
    popularity = (4.0 + np.argsort(np.argsort(-fame, kind="stable"), kind="stable")) ** -0.9  # Zipf's law
    demand = _demand(rng, goods.department, released, days)
    truth = Truth(user_factors, goods.factors, np.asarray(popularity / popularity.sum()), demand)
    user, time, device = _visits(rng, age, joined, days)  # each (n_visits,), in time order
    day = (time - START) // DAY
    searches = rng.random(len(user)) < 0.5  # half of the visits search, half look at a slate

    visit, item, propensity, position = _slates(rng, truth, day, np.flatnonzero(~searches))
    clicked = rng.random(len(item)) < EXAMINE[position] * _click(truth.pairs(user[visit], item))
    impressions = pl.DataFrame(
        {
            "impression_id": _names("i", len(item)),
            "user_id": users["user_id"].gather(user[visit]),
            "item_id": items["item_id"].gather(item),
            "timestamp": time[visit],
            "position": position.astype(np.int32),
            "propensity": propensity.round(9),
            "clicked": clicked,
        }
    )
    click = np.flatnonzero(clicked)
    found_visit, found = _searches(rng, truth, user, day, np.flatnonzero(searches))
    visit, item = np.concatenate([visit[click], found_visit]), np.concatenate([item[click], found])
    kind, view, timestamp, value = _funnel(rng, truth.pairs(user[visit], item), time[visit], START + days * DAY)
    contexts = [f'{{"device": "{name}", "hour": {hour}}}' for name in DEVICES for hour in range(24)]
    context = np.where(kind < 3, device[visit[view]] * 24 + timestamp // 3_600_000 % 24, len(contexts))
    events = pl.DataFrame(
        {
            "event_id": _names("e", len(kind)),
            "user_id": users["user_id"].gather(user[visit[view]]),
            "item_id": items["item_id"].gather(item[view]),
            "type": pl.Series(TYPES).gather(kind),
            "value": pl.Series(value).fill_nan(None),
            "timestamp": timestamp,
            "context": pl.Series([*contexts, None]).gather(context),  # a rating or a return comes by letter
            "source": pl.repeat("shop", len(kind), dtype=pl.String, eager=True),
            "impression_id": impressions["impression_id"].gather(click).extend_constant(None, len(found)).gather(view),
        },
        schema=EVENT_SCHEMA,
    )
    return Shop(Tables(events, items, users), impressions, truth)


def _customers(rng: np.random.Generator, n: int, days: int) -> tuple[pl.DataFrame, F64, F64, I64]:
    """Return the users' table, their factors, true ages and the day each joined; 12% hide their age, 8% the gender."""
    age = np.clip(np.rint(41 + 14 * rng.standard_normal(n)), 16, 85)
    gender = np.searchsorted([0.49, 0.97], rng.random(n))
    country = np.searchsorted([0.45, 0.65, 0.8, 0.9], rng.random(n))
    z = (age - 41) / 14
    by_age, by_gender, by_country = (rng.standard_normal((k, RANK)) for k in (1, 1, len(COUNTRIES)))
    shared = 0.6 * z[:, None] * by_age + 0.6 * np.array([1.0, -1.0, 0.0])[gender, None] * by_gender
    theta = shared + 0.3 * by_country[country] + 0.7 * rng.standard_normal((n, RANK))  # (n_users, RANK)
    sensitivity = 0.5 * np.exp(0.5 * rng.standard_normal(n) - 0.4 * z)  # the young look at the price
    joined = np.where(rng.random(n) < 0.6, -rng.integers(1, 720, size=n), rng.integers(days, size=n))
    hidden = rng.random((3, n)) < np.array([[0.12], [0.08], [0.03]])
    columns = {
        "age": age,
        "gender": np.array(["female", "male", "other"])[gender],
        "country": np.array(COUNTRIES)[country],
    }
    users = pl.DataFrame({"user_id": _names("u", n)}).with_columns(
        *(pl.when(~pl.lit(pl.Series(lack))).then(pl.lit(pl.Series(known))).alias(name)
          for lack, (name, known) in zip(hidden, columns.items(), strict=True)),
        _dates("joined", joined),
    )  # fmt: skip
    return users, np.column_stack([theta, np.ones(n), sensitivity]), age, joined


def _demand(rng: np.random.Generator, department: I64, released: I64, days: int) -> F64:
    """Return season x novelty x trend in [0, 1], (days, n_items); 0 before the release."""
    n = len(department)
    day = np.arange(days)[:, None]
    season = 1 + 0.6 * np.cos(2 * np.pi * (day - PEAK) / 365)  # (days, departments)
    age = day - released  # (days, n_items)
    novelty = 0.6 + np.exp(-np.maximum(age, 0) / 30)
    peak, height = rng.random(n) * days, 2.0 * (rng.random(n) < 0.15)  # some items have their two weeks of fame
    trend = 1 + height * np.exp(-(((day - peak) / 7) ** 2) / 2)
    return np.asarray(np.minimum(season[:, department] * novelty * trend * (age >= 0) / 3, 1.0))


def _visits(rng: np.random.Generator, age: F64, joined: I64, days: int) -> tuple[I64, I64, I64]:
    """Return user, time and device of every visit, in time order: weekends, December and evenings are busy."""
    n, day = len(age), np.arange(days)
    week = np.array([0.9, 0.85, 0.85, 0.9, 1.0, 1.3, 1.4])[day % 7]
    year = 1 + 0.5 * np.exp(-((((day - 340 + 182) % 365 - 182) / 18) ** 2))  # peaks in the weeks before the year ends
    rate = 0.2 * np.exp(0.9 * rng.standard_normal(n) - 0.4)  # (n_users,) visits a day: few customers make many
    chance = np.minimum(rate[:, None] * week * year, 0.9) * (day >= joined[:, None])  # (n_users, days)
    user, on = np.nonzero(rng.random((n, days)) < chance)
    phone, pick = _sigmoid(0.8 - 0.06 * (age[user] - 41)), rng.random(len(user))
    device = np.where(pick < phone, 0, np.where(pick < phone + 0.8 * (1 - phone), 1, 2))
    busy = np.stack([0.1 + np.exp(-(((np.arange(24) - hour) / 4) ** 2)) for hour in (20, 14, 21)]).cumsum(axis=1)
    hour = (rng.random(len(user))[:, None] > (busy / busy[:, -1:])[device]).sum(axis=1)
    time = START + on * DAY + hour * 3_600_000 + rng.integers(3_600_000, size=len(user))
    order = np.argsort(time, kind="stable")
    return user[order], time[order], device[order]


def _slates(rng: np.random.Generator, truth: Truth, day: I64, visit: I64) -> tuple[I64, I64, F64, I64]:
    """Draw a slate a visit, an item at a time by the policy, without repetition: visit, item, propensity, position."""
    policy, day = truth.policy(slice(None)), day[visit]
    draw = _draw(policy, day, rng.random((len(visit), 3 * SLATE)))  # drawing again what is there changes nothing
    chance = policy[day[:, None], draw]
    first = _first(draw) & (chance > 0)
    position = first.cumsum(axis=1) - 1
    gone = (chance * first).cumsum(axis=1) - chance * first  # what stands above can no longer be drawn
    row, column = np.nonzero(first & (position < SLATE))
    left = np.maximum(1 - gone[row, column], 1e-9)
    return visit[row], draw[row, column], np.minimum(chance[row, column] / left, 1.0), position[row, column]


def _searches(rng: np.random.Generator, truth: Truth, user: I64, day: I64, visit: I64) -> tuple[I64, I64]:
    """Draw what each search brings up, by taste and fame, then thinned out by demand: visit, item."""
    uniform, accept = rng.random((2, len(visit), FINDS))
    order = np.argsort(user[visit], kind="stable")
    blocks = np.arange(0, len(truth.user_factors) + 512, 512)  # so that memory is bounded
    found = np.empty((len(visit), FINDS), np.int64)
    for start, (low, high) in zip(blocks, pairwise(np.searchsorted(user[visit][order], blocks)), strict=False):
        rows = order[low:high]
        found[rows] = _draw(truth.attention(slice(start, start + 512)), user[visit[rows]] - start, uniform[rows])
    row, column = np.nonzero(_first(found) & (accept < truth.demand[day[visit][:, None], found]))
    return visit[row], found[row, column]


def _funnel(rng: np.random.Generator, utility: F64, time: I64, end: int) -> tuple[I64, I64, I64, F64]:
    """Return kind (index into `TYPES`), view (n-th of the given), timestamp and value of all events, in time order."""
    n = len(utility)
    chance = rng.random((4, n))
    cart = chance[0] < _cart(utility)
    buy = cart & (chance[1] < _buy(utility))
    rate, back = buy & (chance[2] < 0.3), buy & (chance[3] < _sigmoid(-1.5 - 0.8 * utility))
    stars = np.clip(np.rint(2.7 + 0.7 * utility + 0.8 * rng.standard_normal(n)), 1, 5)
    viewed = time + rng.integers(600_000, size=n)
    carted = viewed + 5_000 + rng.integers(60_000, size=n)
    bought = carted + 20_000 + rng.integers(600_000, size=n)
    later = bought + DAY * rng.integers(2, 22, size=(2, n)) + rng.integers(DAY // 2, size=(2, n))
    steps = [np.arange(n), *(np.flatnonzero(step) for step in (cart, buy, rate, back))]
    view, kind = np.concatenate(steps), np.repeat(np.arange(len(TYPES)), [len(step) for step in steps])
    timestamp = np.stack([viewed, carted, bought, *later])[kind, view]
    value = np.where(kind == TYPES.index("rating"), stars[view], np.nan)
    order = np.lexsort((kind, timestamp))
    order = order[timestamp[order] < end]
    return kind[order], view[order], timestamp[order], value[order]


def _names(prefix: str, n: int) -> pl.Series:
    return prefix + pl.int_range(n, eager=True).cast(pl.String)


def _dates(name: str, day: I64) -> pl.Series:
    return pl.Series(name, START + day * DAY).cast(pl.Datetime("ms"))


def _sigmoid(x: F64) -> F64:
    return np.asarray(1 / (1 + np.exp(-x)))


def _click(utility: F64) -> F64:
    return _sigmoid(utility - 1.2)


def _cart(utility: F64) -> F64:
    return _sigmoid(0.8 * utility - 2.2)


def _buy(utility: F64) -> F64:
    return _sigmoid(0.6 * utility - 0.9)


def _draw(chance: F64, row: I64, uniform: F64) -> I64:
    """Draw columns of `chance` (m, n) by its given rows (B,), for uniform numbers (B, k): one search in all rows."""
    m, n = chance.shape
    cumulative = chance.cumsum(axis=1)
    ladder = (cumulative / np.maximum(cumulative[:, -1:], 1e-12) + np.arange(m)[:, None]).ravel()
    found = np.searchsorted(ladder, row[:, None] + uniform, side="right") - row[:, None] * n
    return np.asarray(np.clip(found, 0, n - 1))


def _first(draw: I64) -> Bool:
    """Return where a row holds a value for the first time, (B, k)."""
    order = np.argsort(draw, axis=1, kind="stable")
    ordered = np.take_along_axis(draw, order, axis=1)
    fresh = np.ones(draw.shape, bool)
    fresh[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.empty(draw.shape, bool)
    np.put_along_axis(first, order, fresh, axis=1)
    return first
