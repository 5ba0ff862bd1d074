from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from serendip.checks.toys import checkerboard
from serendip.errors import UserError
from serendip.models.augmented import Augmented, alike, with_invented
from serendip.models.content import Content
from serendip.models.ease import EASE

DATA = checkerboard().data


def test_with_hardly_any_weight_it_is_the_second_alone() -> None:
    plain = replace(DATA, item_features=None)
    alone = EASE(l2=50.0).fit(plain).score(plain.queries())
    ours = Augmented(second="ease:l2=50", weight=0.001).fit(DATA).score(DATA.queries())
    np.testing.assert_allclose(ours, alone, atol=0.02)


def test_items_alike_count_as_k_and_ties_share() -> None:
    item, weight = alike(Content().fit(DATA), DATA.n_items, 3)
    assert (item[:, 0] == np.arange(DATA.n_items)).all() and (weight[:, 0] == 1).all()
    some = weight[:, 1:] > 0
    assert (some.sum(axis=1) >= 3).all() and (weight[:, 1:].sum(axis=1) <= 3 + 1e-5).all()


def test_invented_users_stand_after_the_real_ones() -> None:
    wide = with_invented(DATA, np.array([[0, 3]] * DATA.n_items, np.int32), np.full((DATA.n_items, 2), 0.5, np.float32))
    assert wide.n_users == DATA.n_users + DATA.n_items
    np.testing.assert_array_equal(wide.matrix[: DATA.n_users].toarray(), DATA.matrix.toarray())
    assert wide.matrix[DATA.n_users].toarray()[0, [0, 3]].tolist() == [0.5, 0.5]


def test_an_item_without_events_is_scored() -> None:
    assert DATA.item_features is not None
    more = replace(DATA, items=DATA.items.extend(["new"]),
                   item_features=pl.concat([DATA.item_features, DATA.item_features.tail(1)]))  # fmt: skip
    assert np.isnan(EASE().fit(more).score(more.queries())[:, -1]).all()
    assert not np.isnan(Augmented().fit(more).score(more.queries())[:, -1]).any()


@pytest.mark.parametrize(
    ("given", "message"),
    [({"second": "als"}, "learns something of each user"), ({"first": "nosuch"}, "no algorithm 'nosuch'")],
)
def test_what_cannot_be_augmented_is_said(given: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Augmented(**given)  # type: ignore[arg-type]
