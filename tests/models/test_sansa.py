import numpy as np
import pytest

from serendip.checks.contract import recall
from serendip.checks.toys import checkerboard, planted
from serendip.models.ease import EASE
from serendip.models.sansa import SANSA


def test_with_all_entries_kept_it_is_ease() -> None:
    data = planted(n_users=3000, n_items=40).data  # so many users that every two items share one
    assert (data.matrix.T @ data.matrix).nnz == data.n_items**2
    queries = data.queries()
    ours, ease = SANSA(l2=20.0, density=2000).fit(data), EASE(l2=20.0).fit(data)
    np.testing.assert_allclose(ours.score(queries), ease.score(queries), atol=2e-4)
    item = np.arange(data.n_items, dtype=np.int32)
    a, b = ours.similar(item, 5), ease.similar(item, 5)
    np.testing.assert_allclose(a.score, b.score, atol=1e-4)


def test_a_quarter_of_the_entries_finds_nearly_as_much() -> None:
    toy = planted()
    ease, ours = recall(EASE(l2=50.0).fit(toy.data), toy), recall(SANSA(l2=50.0, density=30).fit(toy.data), toy)
    assert ours > 0.93 * ease


@pytest.mark.parametrize("density", [1, 5])
def test_a_row_keeps_what_it_may_and_only_of_more_popular_items(density: int) -> None:
    data = planted().data
    factor = SANSA(density=density).fit(data).factor
    count = np.bincount(data.matrix.indices, minlength=data.n_items)
    assert np.diff(factor.indptr).max() == density + 1
    row = np.repeat(np.arange(data.n_items), np.diff(factor.indptr))
    assert (count[factor.indices] >= count[row]).all()


def test_an_item_says_nothing_of_itself() -> None:
    data = checkerboard().data
    model = SANSA(l2=1.0).fit(data)
    queries = data.queries()
    for item in (0, 5):
        parts = model.explain(queries, np.full(len(queries), item, np.int32))
        assert item not in parts.item
