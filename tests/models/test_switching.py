import numpy as np
import pytest

from serendip.checks.toys import checkerboard
from serendip.data.queries import ask
from serendip.errors import UserError
from serendip.models.als import ALS
from serendip.models.itemknn import ItemKNN
from serendip.models.popular import Popular
from serendip.models.switching import Switching

DATA = checkerboard().data
QUERIES = ask([[0, 2, 4, 6], [0, 2], []])


def test_the_length_of_the_history_decides_who_answers() -> None:
    model = Switching(("als:rank=4", "itemknn", "popular"), min_history=3).fit(DATA)
    score = model.score(QUERIES)
    for row, algorithm in enumerate((ALS(rank=4), ItemKNN(), Popular())):
        np.testing.assert_allclose(score[row], algorithm.fit(DATA).score(QUERIES)[row], rtol=1e-4)


def test_who_has_nothing_to_say_passes_the_question_on() -> None:
    model = Switching(("itemknn", "popular"), min_history=1).fit(DATA)
    unknown = ask([[DATA.n_items + 5]])
    np.testing.assert_array_equal(model.recommend(unknown, 4).item, Popular().fit(DATA).recommend(unknown, 4).item)


def test_explanations_are_those_of_who_answered() -> None:
    model = Switching(("itemknn", "popular"), min_history=2).fit(DATA)
    item = model.recommend(QUERIES, 1).item[:, 0]
    found = model.explain(QUERIES, item)
    total = np.bincount(np.repeat(np.arange(3), np.diff(found.offset)), found.weight)
    np.testing.assert_allclose(total, model.score(QUERIES, item[:, None])[:, 0], rtol=1e-4)
    assert found.item[-1] == -1
    assert found.reasons[found.reason[-1]] == "popular with everyone"


def test_two_or_three_take_turns() -> None:
    with pytest.raises(UserError, match="two or three"):
        Switching(("als",))
