import pytest

from serendip.errors import UserError
from serendip.models.als import ALS
from serendip.models.ease import EASE
from serendip.models.itemknn import ItemKNN
from serendip.models.trending import Trending


def test_text_becomes_values() -> None:
    made = ALS.configured({"rank": "16", "l2": "1e-2"})
    assert made.rank == 16 and made.l2 == 0.01
    assert made.set(rank=8) == ALS(rank=8, l2=0.01)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"rnak": 8}, "als has no hyperparameter 'rnak'; did you mean 'rank'"),
        ({"rank": "many"}, "als.rank is of type int, and 'many' is not"),
        ({"rank": 0}, "als.rank lies from 1 to 2048, and 0 does not"),
        ({"l2": float("nan")}, "als.l2 is a number"),
        ({"rank": True}, "als.rank is a number"),
    ],
)
def test_mistakes_are_one_sentence(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        ALS.configured(settings)
    assert str(error.value).startswith(sentence)


def test_the_constructor_checks_too() -> None:
    with pytest.raises(UserError, match=r"ease\.l2 lies from"):
        EASE(l2=-1)
    with pytest.raises(UserError, match=r"trending\.half_life"):
        Trending(half_life=0)


def test_none_is_a_value_only_where_it_is_declared() -> None:
    assert ItemKNN.configured({"recency": "none"}).recency is None
    with pytest.raises(UserError, match=r"als\.l2 is of type float, and 'none' is not"):
        ALS.configured({"l2": "none"})
    with pytest.raises(UserError, match=r"als\.rank is a number, not None"):
        ALS.configured({"rank": None})
