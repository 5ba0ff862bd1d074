"""The choice of questions: against the definition written out, and on shops where the right question is known."""

from dataclasses import replace

import numpy as np
import pytest

from serendip.arrays import F64
from serendip.data.ids import Ids
from serendip.data.interactions import InteractionRules
from serendip.models.classes import Classes
from serendip.pipeline.onboarding import DISLIKE, LIKE, MAIN, UNKNOWN, Onboarding, blended


def classes(knows: list[list[float]], likes: list[list[float]], pi: list[float], n_tags: int = 0) -> Classes:
    n = len(knows) - n_tags
    ids = Ids([f"i{i}" for i in range(n)])
    arrays = (np.array(pi, np.float32), np.array(knows, np.float32), np.array(likes, np.float32))
    seen, tags = np.ones(n, np.bool_), Ids([f"t{t}" for t in range(n_tags)])
    return Classes(Ids([]), ids, InteractionRules(), *arrays, seen, tags, True)


# item 0: everybody knows and likes it; 1: known, and tells the classes apart; 2: the same, but hardly known
SHOP = classes([[0.9, 0.9], [0.8, 0.8], [0.05, 0.05], [0.5, 0.5], [0.5, 0.5]],
               [[0.9, 0.9], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]], [0.5, 0.5])  # fmt: skip


def by_definition(model: Classes, posterior: F64) -> F64:
    """Return the worth of each item from the joint distribution of class and answer, written out."""
    wanted = (model.knows * model.likes).astype(np.float64)
    worth = []
    for i in range(len(wanted)):
        share = wanted[i] * posterior  # P(likes i, c)
        p = share.sum()
        mean, with_like = wanted @ posterior, wanted @ (share / p)
        without = wanted @ ((posterior - share) / (1 - p))
        between = p * (with_like - mean) ** 2 + (1 - p) * (without - mean) ** 2  # variance between the two answers
        worth.append(between.sum() * (model.knows[i] @ posterior))
    return np.array(worth)


@pytest.mark.parametrize("posterior", [[0.5, 0.5], [0.9, 0.1], [0.02, 0.98]])
def test_worth_is_the_variance_between_answers_times_the_chance_to_know(posterior: list[float]) -> None:
    chooser, p = Onboarding(SHOP), np.array(posterior)
    expected = by_definition(SHOP, p)[chooser.candidates]
    np.testing.assert_allclose(chooser.worth(p.astype(np.float32)), expected, rtol=1e-4, atol=1e-12)


def test_what_tells_apart_and_is_known_is_asked_first() -> None:
    rows, worth = Onboarding(SHOP).next({}, 5)
    assert rows[0] == 1 and worth[0] == pytest.approx(1)
    assert rows.tolist().index(2) > rows.tolist().index(3)  # the better known first


def test_what_was_asked_is_not_asked_again_and_worth_falls() -> None:
    chooser = Onboarding(SHOP)
    rows, worth = chooser.next({1: LIKE, 3: UNKNOWN}, 5)
    assert not {1, 3} & set(rows.tolist()) and worth.max() < 0.5


def test_answers_change_what_is_asked() -> None:
    tree = classes([[0.9] * 4] * 4, [[0.9, 0.9, 0.1, 0.1], [0.9, 0.1, 0.5, 0.5], [0.5, 0.5, 0.9, 0.1], [0.5] * 4],
                   [0.25] * 4)  # fmt: skip
    chooser = Onboarding(tree)
    assert chooser.next({0: LIKE, 3: LIKE})[0].tolist() == [1]
    assert chooser.next({0: DISLIKE, 3: LIKE})[0].tolist() == [2]


def test_the_best_known_is_asked_about_until_two_answers_tell_something() -> None:
    chooser = Onboarding(classes([[0.9] * 2, [0.8] * 2, [0.7] * 2, [0.6] * 2],
                                 [[0.5, 0.6], [0.5, 0.55], [0.45, 0.5], [0.1, 0.9]], [0.5, 0.5]))  # fmt: skip
    assert chooser.next({}, 2)[0].tolist() == [0, 1]
    assert chooser.next({0: LIKE, 1: UNKNOWN})[0].tolist() == [2]
    assert chooser.next({0: LIKE, 1: DISLIKE}, 2)[0].tolist() == [3, 2]


def test_banned_items_and_those_nobody_knows_are_not_asked() -> None:
    model = replace(SHOP, seen=np.array([True, True, True, False, True]))
    assert set(Onboarding(model, banned=np.array([1], np.int32)).candidates.tolist()) == {0, 2, 4}


def test_tags_are_asked_by_the_same_arithmetic() -> None:
    model = classes(SHOP.knows.tolist(), SHOP.likes.tolist(), [0.5, 0.5], n_tags=2)
    assert Onboarding(model, tags=True, items=False).next({}, 9)[0].tolist() in ([3, 4], [4, 3])
    assert len(Onboarding(model, tags=True).candidates) == 5
    assert Onboarding(model).candidates.max() == 2


def test_where_everybody_is_alike_nothing_is_worth_asking() -> None:
    alike = classes([[0.9, 0.9]] * 3, [[0.5, 0.5]] * 3, [0.5, 0.5])
    assert not len(Onboarding(replace(alike, seen=np.zeros(3, np.bool_))).next({})[0])
    assert Onboarding(alike).first == pytest.approx(0, abs=1e-12)


def test_a_blend_is_in_units_of_both() -> None:
    nan = np.float32(np.nan)
    both = blended(np.array([2, 0, nan], np.float32), np.array([0.1, 0.2, nan], np.float32), 2.0)
    assert both[0] - both[2] == pytest.approx(MAIN)  # one unit of the recommender's
    assert both[1] == pytest.approx(1)  # one of what is expected
