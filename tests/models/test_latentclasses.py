"""Latent classes: two tastes are found again, tags are answered by what was taken, and the files give the same back."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from serendip.checks.toys import checkerboard
from serendip.data.dataset import Dataset
from serendip.data.queries import ask
from serendip.data.tables import Tables
from serendip.errors import UserError
from serendip.models.classes import Classes
from serendip.models.latentclasses import LatentClasses, tagged, tastes
from serendip.store.artefacts import load, save

DATA = checkerboard().data
MODEL = LatentClasses(classes=2, evidence=100.0, shrinkage=1.0).fit(DATA)
PARITY = np.array([int(i.removeprefix("i")) % 2 for i in DATA.items.series])


def test_the_classes_are_the_two_tastes() -> None:
    fond = MODEL.knows[: DATA.n_items] * MODEL.likes[: DATA.n_items]  # (n_items, 2)
    first = fond[PARITY == 0].mean(axis=0)
    own, other = int(np.argmax(first)), int(np.argmin(first))
    assert (fond[PARITY == 0, own] > 0.7).all() and (fond[PARITY == 1, other] > 0.7).all()
    assert (fond[PARITY == 0, other] < 0.2).all() and (fond[PARITY == 1, own] < 0.2).all()
    assert MODEL.pi == pytest.approx([0.5, 0.5], abs=0.1)
    assert MODEL.rated


def test_one_answer_tells_the_class() -> None:
    even = int(np.flatnonzero(PARITY == 0)[0])
    liked = MODEL.recommend(ask([[even]], [[5.0]]), 5, exclude=ask([[even]]).history.lists).item[0]
    disliked = MODEL.recommend(ask([[even]], [[1.0]]), 5).item[0]
    assert (PARITY[liked] == 0).all() and (PARITY[disliked] == 1).all()


def test_what_is_not_known_speaks_too() -> None:
    even = int(np.flatnonzero(PARITY == 0)[0])
    one = csr_matrix(([1.0], ([0], [even])), shape=(1, len(MODEL.knows)))
    none = csr_matrix((1, len(MODEL.knows)))
    chance = MODEL.expected(MODEL.posterior(none, none, one))[0]
    assert chance[PARITY == 1].mean() > chance[PARITY == 0].mean()


def test_a_tag_is_liked_by_those_who_took_more_of_it_than_others() -> None:
    liked = csr_matrix([[1.0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0]])
    known, fond = tastes(liked, csr_matrix([[1.0, 0], [1, 0], [0, 1], [0, 1]]))
    assert fond.toarray().tolist() == [[1, 0], [0, 1], [1, 0]]
    assert known.toarray().tolist() == [[1, 0], [0, 1], [1, 0]]  # of one or two items it could not be expected yet
    many = csr_matrix(np.kron(np.eye(2), np.ones((1, 6))))
    known, fond = tastes(many, csr_matrix(np.kron(np.eye(2), np.ones((6, 1)))))
    assert known.toarray().all() and fond.toarray().tolist() == [[1, 0], [0, 1]]


def test_tags_are_the_entries_of_lists_that_several_items_have() -> None:
    table = pl.DataFrame({"genres": [["jazz", "live"], ["jazz"], None, ["odd", "live", "live"]], "title": list("abcd")})
    tags, members = tagged(table, 4)
    assert tags == ["jazz", "live"]
    assert members.toarray().tolist() == [[1, 1], [1, 0], [0, 0], [0, 1]]
    assert tagged(None, 4)[0] == []


def test_purchases_alone_are_learned_from() -> None:
    events = pl.DataFrame({"user_id": list("aabbcc"), "item_id": list("xyxyzw"), "type": ["purchase"] * 6})
    model = LatentClasses(classes=2, evidence=100.0, shrinkage=0.1).fit(Dataset.of(Tables(events)))
    assert not model.rated and not len(model.tags)
    got = model.recommend(ask([[0]]), 1, exclude=ask([[0]]).history.lists)
    assert model.items.take(got.item[:, 0]) == ["y"]


def test_few_users_are_drawn_where_there_are_many() -> None:
    some = LatentClasses(classes=2, users=6).fit(DATA)
    assert np.isfinite(some.score(DATA.queries())).all()


def test_it_comes_back_from_files(tmp_path: Path) -> None:
    save(MODEL, tmp_path / "model")
    back = load(tmp_path / "model")
    assert isinstance(back, Classes) and back.tags == MODEL.tags
    np.testing.assert_array_equal(back.score(DATA.queries()), MODEL.score(DATA.queries()))


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(UserError, match="latentclasses has nothing to learn from"):
        LatentClasses().fit(DATA.where(np.zeros(len(DATA), np.bool_)))
