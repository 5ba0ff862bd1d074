"""The language of rules: what is written is read back, what cannot be is one sentence, and nothing else happens."""

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serendip.errors import UserError
from serendip.pipeline.expression import And, Attribute, Compare, Has, In, Not, Or, Value, Values, parse
from serendip.pipeline.mask import mask

FRAME = pl.DataFrame(
    {
        "price": [10.0, 60.0, None, 40.0],
        "genres": [["Jazz", "Blues"], ["jazz"], ["Rock"], None],
        "adult": [False, True, None, False],
        "title": ["Kind of Blue", "Kind Hearts", "", None],
        "since": pl.Series([0, 1_700_000_000_000, None, 1_600_000_000_000]).cast(pl.Datetime("ms")),
        "list price": [1.0, 2.0, 3.0, 4.0],
        "*": [1.0, 0.0, 0.0, 0.0],
    }
)


def said(text):
    return mask(parse(text), FRAME, 4).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('price < 50 and "jazz" in genres and not adult', [1, 0, 0, 0]),
        ("price < 50", [1, 0, 0, 1]),
        ("price != 10", [0, 1, 0, 1]),
        ("not price < 50", [0, 1, 0, 0]),
        ("has(price)", [1, 1, 0, 1]),
        ("not has(adult) or not adult", [1, 0, 1, 1]),
        ("adult or price > 0", [1, 1, 0, 1]),
        ('"JAZZ" in genres', [1, 1, 0, 0]),
        ('"jazz" not in genres', [0, 0, 1, 0]),
        ('"kind" in title', [1, 1, 0, 0]),
        ('title == "KIND of blue"', [1, 0, 0, 0]),
        ('title in ["kind hearts", "x"]', [0, 1, 0, 0]),
        ("price in [10, 40]", [1, 0, 0, 1]),
        ("price in []", [0, 0, 0, 0]),
        ('since >= "2020-09-13"', [0, 1, 0, 1]),
        ('since < "2023-01-01T00:00+02:00"', [1, 0, 0, 1]),
        ("`list price` >= price or `list price` == 3", [0, 0, 1, 0]),
        ("`*` == 1", [1, 0, 0, 0]),
        ("true", [1, 1, 1, 1]),
        ("adult == false", [1, 0, 0, 1]),
        ("-1.5e1 < price", [1, 1, 0, 1]),
    ],
)
def test_what_a_condition_says(text, expected):
    assert said(text) == [bool(one) for one in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prise < 50", "items have no attribute 'prise'; did you mean 'price'?, at character 1"),
        ("price < 50 and genre == 3", "'genre'; did you mean 'genres'?, at character 16"),
        ("price < ", "the condition ends where an attribute or a value is missing, at character 9"),
        ("price = 3", "'=' cannot stand here; equality is written ==, at character 7"),
        ("price < 50 adult", "'adult' is not expected: join conditions by and, or, at character 12"),
        ("(price < 50", ") is missing after the condition in parentheses, at character 12"),
        ('"jazz', 'the " has no other end, at character 1'),
        ("price", "price is a number and no condition alone"),
        ("50", "50.0 alone is no condition"),
        ("price < '50'", "which < cannot compare"),
        ("genres == 'jazz'", "membership is written in"),
        ("title < 'x'", "< compares numbers and dates"),
        ("since > 'yesterday'", '"yesterday" is no date: write it as 2026-01-31'),
        ("3 in title", "3.0 is a number and cannot be in title, which is a text"),
        ("genres in ['a']", "the other way round"),
        ("price in [price]", "a list holds numbers and texts alone"),
        ("price < 1e999", "1e999 is too large a number"),
        ("has(3)", "takes the name of an attribute"),
        ("", "the condition is empty"),
        ("not " * 200 + "adult", "more than 40 deep"),
        ("(" * 200 + "adult" + ")" * 200, "more than 40 deep"),
        ("adult or " * 1000 + "adult", "at most 4000 characters"),
        ("__import__('os').system('x')", "'.' cannot stand here, at character 17"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, expected):
    with pytest.raises(UserError, match=re.escape(expected)):
        said(text)


NAME = st.sampled_from([*FRAME.columns, "prise", "in", "größe"]) | st.text(
    st.characters(exclude_characters="`"), min_size=1
)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
ONE = st.builds(Value, NUMBER | st.text())
TERM = (
    ONE
    | st.builds(Attribute, NAME)
    | st.builds(Value, st.booleans())
    | st.builds(Values, st.lists(ONE, max_size=3).map(tuple))
)
TEST = (
    st.builds(Attribute, NAME)
    | st.builds(Value, st.booleans())
    | st.builds(Has, st.builds(Attribute, NAME))
    | st.builds(Compare, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), TERM, TERM)
    | st.builds(In, TERM, TERM)
)
TREE = st.recursive(
    TEST,
    lambda one: (
        st.builds(Not, one)
        | st.builds(And, st.lists(one, min_size=2, max_size=3).map(tuple))
        | st.builds(Or, st.lists(one, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(TREE)
def test_what_is_written_is_read_back(tree):
    again = parse(str(tree))
    assert again == tree
    assert str(again) == str(tree)


WORD = st.sampled_from([
    "price", "genres", "adult", "title", "since", "`list price`", "and", "or", "not", "in", "has", "(", ")", "[", "]",
    ",", "<", "<=", "==", "!=", "1", "-2.5", ".5", "1e3", '"jazz"', "'2020-01-01'", "true", "false", "=", "&",
    "\\", '"', "`",
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.lists(WORD, max_size=12).map(" ".join) | TREE.map(str))
def test_any_text_is_a_mask_or_one_sentence(text):
    try:
        found = mask(parse(text), FRAME, 4)
    except UserError as error:
        assert "\n" not in str(error).replace(text, "") or "\n" in text
        return
    assert found.shape == (4,) and found.dtype == bool


def test_items_without_a_row_are_unknown():
    assert mask(parse("price < 50"), FRAME, 6).tolist() == [True, False, False, True, False, False]
    assert mask(parse("true"), None, 2).tolist() == [True, True]
    with pytest.raises(UserError, match="no attribute 'price'"):
        mask(parse("price < 50"), None, 2)
