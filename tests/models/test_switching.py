from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from serendip.checks.toys import checkerboard
from serendip.data.dataset import Dataset
from serendip.data.ids import Ids
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


def shop() -> Dataset:
    """Users of two tastes, who take any seven of the ten items that their taste likes."""
    generator = np.random.default_rng(0)
    item = np.concatenate([10 * (u % 2) + generator.permutation(10)[:7] for u in range(600)]).astype(np.int32)
    user = np.repeat(np.arange(600, dtype=np.int32), 7)
    ids = Ids([f"u{n}" for n in range(600)]), Ids([f"i{n}" for n in range(20)])
    return Dataset.sort(*ids, user, item, timestamp=np.tile(np.arange(7), 600).astype(np.int64))


def test_who_answers_whom_is_learned_from_users_who_are_withheld() -> None:
    data = shop()  # one item tells a taste
    assert Switching(("itemknn", "popular")).fit(data).least[0] == 1
    assert Switching(("popular", "itemknn")).fit(data).least[0] > 5
    assert Switching(("popular", "itemknn"), min_history=4).fit(data).least[0] == 4
    assert [type(c) for c in Switching().fit(data).children] == [
        type(a.fit(data)) for a in (ALS(), ItemKNN(), Popular())
    ]
    assert Switching.configured({"min_history": "none"}) == Switching()


def test_attributes_serve_who_is_new_where_they_tell_tastes() -> None:
    data = shop()
    about = pl.DataFrame({"taste": ["even" if u % 2 == 0 else "odd" for u in range(data.n_users)]})
    model = Switching(min_history=3).fit(replace(data, user_features=about))
    assert [type(child).__name__ for child in model.children] == ["Factors", "Segments"]
    nobody = replace(ask([[], []]), user_features=about[:2])
    first, second = model.recommend(nobody, 10).item
    assert set(first.tolist()) == set(range(10)) and set(second.tolist()) == set(range(10, 20))
