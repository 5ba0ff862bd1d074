"""Each kind of leak is found where it was planted, with its count and an example, and nowhere else."""

from dataclasses import replace

import numpy as np
import polars as pl

from serendip.data.dataset import Dataset
from serendip.data.split import by_time, last_out
from serendip.data.tables import Tables
from serendip.evaluation.leakage import leaks

USERS, EACH = 30, 6


def shop(features: pl.DataFrame | None = None, context: str | None = None) -> Dataset:
    """Thirty users who take six items each, one after the other."""
    user = np.repeat(np.arange(USERS), EACH)
    place = np.tile(np.arange(EACH), USERS)
    events = pl.DataFrame({
        "user_id": [f"u{u}" for u in user], "item_id": [f"i{(u + p) % 12}" for u, p in zip(user, place, strict=True)],
        "timestamp": 1_600_000_000_000 + 1000 * (place * USERS + user),
    })  # fmt: skip
    if context is not None:
        events = events.with_columns(pl.Series(context, [f"device {u}" for u in user]))
    given = {} if features is None else {"users": features}
    return Dataset.of(Tables(events, **given))


def kinds(*found: object) -> list[str]:
    return [leak.kind for leak in found]  # type: ignore[attr-defined]


def test_a_clean_split_has_none() -> None:
    parts = last_out(shop())
    assert leaks(parts.train, parts.test) == ()


def test_what_is_planted_is_found() -> None:
    data = shop()
    parts = last_out(data)
    test = parts.test
    item, when = test.item.copy(), test.timestamp.copy()  # type: ignore[union-attr]
    item[0] = parts.train.item[0]  # u0 took it before
    when[3] = parts.train.timestamp[parts.train.offset[4] - 1]  # type: ignore[index]
    when[5] -= 10**9
    bad = replace(test, item=item, timestamp=when)
    found = {leak.kind: leak for leak in leaks(parts.train, bad)}
    assert set(found) == {"duplicate pairs", "tied times", "the future"}
    assert found["duplicate pairs"].count == found["tied times"].count == found["the future"].count == 1
    assert "u0 and i0" in str(found["duplicate pairs"])
    assert "u3" in str(found["tied times"]) and "u5" in str(found["the future"])


def test_items_that_come_after_the_cut() -> None:
    data = shop()
    late = data.timestamp >= np.quantile(data.timestamp, 0.9)  # type: ignore[operator, arg-type]
    more = replace(data, items=data.items.extend(["new"]), item=np.where(late, 12, data.item).astype(np.int32))
    parts = by_time(more, 0.2)
    (leak,) = [one for one in leaks(parts.train, parts.test) if one.kind == "new items"]
    assert leak.count == 1 and "(new)" in str(leak)


def test_an_id_among_the_attributes_or_in_the_context() -> None:
    ids = [f"u{u}" for u in range(USERS)]
    features = pl.DataFrame({"user_id": ids, "age": [u % 7 for u in range(USERS)], "name": ids,
                             "account_id": range(1000, 1000 + USERS)})  # fmt: skip
    parts = last_out(shop(features, "context.device"))
    found = [str(leak) for leak in leaks(parts.train, parts.test)]
    assert len(found) == 3
    assert "'name'" in found[0] and "'account_id'" in found[1] and "'device'" in found[2]


def test_codes_are_ids_and_titles_are_not() -> None:
    ids = [f"u{u}" for u in range(USERS)]
    users = pl.DataFrame({
        "user_id": ids, "email": [f"{u}@shop.org" for u in range(USERS)],
        "account_number": range(70_000, 70_000 + USERS),
        "income": range(20_000, 20_000 + USERS), "about": [f"likes film {u}" for u in range(USERS)],
        "city": [f"city{u // 2}" for u in range(USERS)],
    })  # fmt: skip
    parts = last_out(shop(users))
    found = [str(leak) for leak in leaks(parts.train, parts.test)]
    assert len(found) == 2 and "'email'" in found[0] and "'account_number'" in found[1]
    n = 40
    items = pl.DataFrame({
        "item_id": [f"i{i}" for i in range(n)], "ean": [f"40{i:011d}" for i in range(n)],
        "hash": [f"0e{i:02d}-aa{i:02d}" for i in range(n)], "slug": [f"red-lamp-{i}" for i in range(n)],
        "title": [f"Lamp {i}" for i in range(n)], "price": range(n),
    })  # fmt: skip
    wide = Dataset.of(Tables(pl.DataFrame({
        "user_id": np.repeat(ids, n // 2),
        "item_id": [f"i{(u + 2 * p) % n}" for u in range(USERS) for p in range(n // 2)],
        "timestamp": np.arange(USERS * n // 2) + 1_600_000_000_000,
    }), items))  # fmt: skip
    parts = last_out(wide)
    found = [str(leak) for leak in leaks(parts.train, parts.test)]
    assert len(found) == 2 and "'ean' of items" in found[0] and "'hash' of items" in found[1]
