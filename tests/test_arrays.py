"""Lists of items, one after the other."""

import numpy as np
from scipy.sparse import csr_matrix

from serendip.arrays import ItemLists, in_table

LISTS = ItemLists(np.array([0, 2, 2, 5]), np.array([4, -1, 6, 0, 3], np.int32))


def plain(lists: ItemLists) -> list[list[int]]:
    return [lists[row].tolist() for row in range(len(lists))]


def test_indices_of_a_table() -> None:
    known, at = in_table(np.array([[2, -1], [3, 0]], np.int32), 3)
    assert known.tolist() == [[True, False], [False, True]] and at.tolist() == [[2, 0], [0, 0]]
    assert at.dtype == np.int32


def test_lists_of_rows() -> None:
    assert plain(LISTS) == [[4, -1], [], [6, 0, 3]]
    assert LISTS.row.tolist() == [0, 0, 2, 2, 2] and LISTS.place.tolist() == [0, 1, 0, 1, 2]
    assert plain(LISTS.rows(np.array([2, 1, 2]))) == [[6, 0, 3], [], [6, 0, 3]]
    assert plain(LISTS.rows(slice(0, 1))) == [[4, -1]]
    assert LISTS.padded().tolist() == [[4, -1, -1], [-1, -1, -1], [6, 0, 3]]


def test_lists_less_some_items() -> None:
    assert plain(LISTS.where(LISTS.item >= 3)) == [[4], [], [6, 3]]
    assert plain(LISTS.where(LISTS.item > 9)) == [[], [], []]
    assert LISTS.where(LISTS.item >= -1) is LISTS


def test_lists_of_a_matrix_and_of_a_table() -> None:
    assert plain(ItemLists.of(csr_matrix([[0, 5, 0], [0, 0, 0], [1, 0, 2]]))) == [[1], [], [0, 2]]
    assert plain(ItemLists.table(np.array([[7, 2], [0, 7]], np.int32))) == [[7, 2], [0, 7]]
    assert len(ItemLists.table(np.empty((3, 0), np.int32))) == 3
