import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.data.interactions import DAY, EventColumns, InteractionRules, interactions, ratings
from serendip.errors import UserError

TYPES = ("dislike", "purchase", "rating", "return", "view")


def columns(rows: list[tuple[int, int, str, float, int]], types: tuple[str, ...] = TYPES) -> EventColumns:
    who, item, kind, value, time = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return EventColumns(
        np.array(who, np.int64), np.array(item, np.int32), np.array(value, np.float32), np.array(time, np.int64),
        np.array([types.index(k) for k in kind], np.int8), types,
    )  # fmt: skip


def weights(rows: list[tuple[int, int, str, float, int]], **rules: object) -> dict[tuple[int, int], float]:
    matrix = interactions(columns(rows), InteractionRules(**rules), 3, 3).tocoo()  # type: ignore[arg-type]
    return {(int(r), int(c)): float(v) for r, c, v in zip(matrix.row, matrix.col, matrix.data, strict=True)}


NONE = float("nan")


def test_the_strongest_event_of_a_pair_decides() -> None:
    rows = [(0, 1, "view", NONE, 0), (0, 1, "purchase", 2, 1), (0, 1, "view", NONE, 2), (1, 1, "view", NONE, 0)]
    assert weights(rows) == {(0, 1): 5.0, (1, 1): 1.0}


def test_a_return_takes_its_purchase_back() -> None:
    bought, back = (0, 1, "purchase", 6, 0), (0, 1, "return", 6, 1)
    assert weights([bought, back]) == {}
    assert weights([bought, (0, 1, "return", 2, 1)]) == {(0, 1): 5.0}
    assert weights([bought, back, (0, 1, "view", NONE, 2)]) == {(0, 1): 1.0}
    assert weights([back]) == {}


def test_what_is_disliked_is_no_interaction() -> None:
    assert weights([(0, 1, "view", NONE, 0), (0, 1, "dislike", NONE, 1)]) == {}


def test_ratings_below_the_threshold_are_none() -> None:
    rows = [(0, 0, "rating", 2, 0), (0, 1, "rating", 3, 0), (0, 2, "rating", 5, 0)]
    assert weights(rows, threshold=3.0) == {(0, 1): 5.0, (0, 2): 5.0}


def test_values_multiply_and_sum_when_asked() -> None:
    rows = [(0, 0, "view", 3, 0), (0, 0, "view", 4, 1), (0, 1, "view", NONE, 0)]
    assert weights(rows, use_values=True) == {(0, 0): 7.0, (0, 1): 1.0}


def test_half_life() -> None:
    rows = [(0, 0, "view", NONE, 0), (0, 1, "view", NONE, 10 * DAY)]
    assert weights(rows, half_life=10.0) == pytest.approx({(0, 0): 0.5, (0, 1): 1.0})


def test_items_beyond_the_table_are_left_out() -> None:
    assert weights([(0, 7, "view", NONE, 0), (0, 2, "view", NONE, 0)]) == {(0, 2): 1.0}


def test_the_last_rating_counts() -> None:
    rows = [(0, 0, "rating", 2, 0), (0, 0, "rating", 4, 1), (0, 1, "view", 9, 0), (1, 1, "rating", 1, 0)]
    found = ratings(columns(rows), 2, 3).toarray()
    assert found.tolist() == [[4, 0, 0], [0, 1, 0]]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from(["view", "purchase", "dislike"])), max_size=20
    )
)
def test_against_a_plain_loop(rows: list[tuple[int, int, str]]) -> None:
    worth = {"view": 1.0, "purchase": 5.0, "dislike": -10.0}
    expected = {}
    for pair in {(r, i) for r, i, _ in rows}:
        given_ = [worth[k] for r, i, k in rows if (r, i) == pair]
        if sum(given_) > 0:
            expected[pair] = max(given_)
    assert weights([(r, i, k, NONE, 0) for r, i, k in rows]) == expected


def test_rules_that_mean_nothing_are_refused() -> None:
    with pytest.raises(UserError, match="half_life"):
        InteractionRules(half_life=0)
    with pytest.raises(UserError, match="'view'"):
        InteractionRules({"view": float("nan")})
