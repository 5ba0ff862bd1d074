import numpy as np
import pytest

from serendip.arrays import ItemLists
from serendip.checks.toys import planted
from serendip.errors import UserError
from serendip.models.cascade import Cascade
from serendip.models.itemknn import ItemKNN
from serendip.models.popular import Popular

DATA = planted().data
SEEN = ItemLists(DATA.matrix.indptr.astype(np.int64), DATA.matrix.indices)


def test_the_head_is_the_firsts_and_its_order_the_seconds() -> None:
    model = Cascade(("itemknn", "popular"), depth=4).fit(DATA)
    queries = DATA.queries()
    first, popular = ItemKNN().fit(DATA), Popular().fit(DATA)
    ours = model.recommend(queries, 8, exclude=SEEN)
    theirs = first.recommend(queries, 8, exclude=SEEN)
    np.testing.assert_array_equal(np.sort(ours.item[:, :4]), np.sort(theirs.item[:, :4]))
    np.testing.assert_array_equal(ours.item[:, 4:], theirs.item[:, 4:])
    np.testing.assert_array_equal(ours.score, theirs.score)
    count = popular.score(queries.rows(slice(0, 1)))[0]
    full = (ours.item[:, :4] >= 0).all(axis=1)
    head = count[ours.item[full, :4]]
    strict = np.diff(theirs.score[full, :4], axis=1) < 0  # equal scores of the first may be dealt out in any order
    assert full.any() and (np.diff(head, axis=1)[strict] <= 0).all()


def test_two_algorithms_are_needed() -> None:
    with pytest.raises(UserError, match="two algorithms, not 1"):
        Cascade(("als",))
