import numpy as np

from serendip.metrics.ranking import precision
from serendip.metrics.serendipity import serendipity

ITEM = np.array([[5, 1, 2], [0, 1, 2], [5, 6, 7]], np.int32)
HIT = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 0]], bool)
POPULAR = np.array([[0, 1, 2], [0, 1, 2], [1, 2, -1]], np.int32)
N_RELEVANT = np.array([2, 3, 0])


def test_only_hits_outside_the_popular_list_count() -> None:
    np.testing.assert_allclose(serendipity(HIT, ITEM, POPULAR, N_RELEVANT, 3), [1 / 3, 0, np.nan])


def test_both_lists_are_cut_at_k() -> None:
    assert serendipity(HIT[1:2], ITEM[1:2, ::-1], POPULAR[1:2], N_RELEVANT[1:2], 1)[0] == 1  # item 2 is third there


def test_against_an_empty_popular_list_it_is_precision() -> None:
    nothing = np.full_like(POPULAR, -1)
    np.testing.assert_array_equal(serendipity(HIT, ITEM, nothing, N_RELEVANT, 2), precision(HIT, N_RELEVANT, 2))
