"""Boosted trees on categories as arrays: what they ask of a question and what they ask of an item is asked apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from serendip.arrays import F32, I32, I64, U8, Bool

LEAVES = 1024  # leaves whose answers are summed at once


@dataclass(frozen=True)
class CategoryTree:
    """M inner nodes, the first the root, each before its children, and M + 1 leaves.

    column (M,): the column that a node looks at; goes_left: for each node which categories go left, those beyond the
    end go right; left, right (M,): a child, leaf l being M + l. value (M + 1,): what a leaf adds.
    """

    column: I32
    goes_left: tuple[Bool, ...]
    left: I32
    right: I32
    value: F32

    def met(self, codes: I32, first: int) -> Bool:
        """Return which leaves are reached as far as it depends on the columns from `first` on.

        codes (n, d): categories of these columns -> (M + 1, n)
        """
        m, (n, d) = len(self.column), codes.shape
        reached = np.ones((2 * m + 1, n), np.bool_)
        for node, column in enumerate(self.column - first):
            left, right = self.left[node], self.right[node]
            if 0 <= column < d:
                table = np.append(self.goes_left[node], False)
                to_left = table[np.minimum(codes[:, column], len(table) - 1)]
                np.logical_and(reached[node], to_left, out=reached[left])
                np.logical_and(reached[node], ~to_left, out=reached[right])
            else:
                reached[left] = reached[right] = reached[node]
        return reached[m:]


def read_forest(text: U8) -> tuple[CategoryTree, ...]:
    """Return the trees of LightGBM's own text; all their columns are categories."""
    return tuple(tree(part.split("\n\n")[0]) for part in text.tobytes().decode().split("\nTree=")[1:])


def tree(text: str) -> CategoryTree:
    """Return one tree of its lines `name=numbers`."""
    lines = dict(line.split("=", 1) for line in text.splitlines()[1:])

    def numbers(name: str) -> I64:
        return np.array(lines.get(name, "").split(), np.int64)

    value = np.array(lines["leaf_value"].split(), np.float32)
    m = len(value) - 1
    if not m:
        none = np.empty(0, np.int32)
        return CategoryTree(none, (), none, none, value)
    begin = numbers("cat_boundaries")
    bits = np.unpackbits(numbers("cat_threshold").astype("<u4").view(np.uint8), bitorder="little").astype(np.bool_)
    sets = np.array(lines["threshold"].split(), np.float64).astype(np.int64)
    goes_left = tuple(bits[32 * begin[s] : 32 * begin[s + 1]] for s in sets)
    children = (numbers(name) for name in ("left_child", "right_child"))  # a leaf l is -1 - l there
    left, right = (np.where(child < 0, m - 1 - child, child).astype(np.int32) for child in children)
    return CategoryTree(numbers("split_feature").astype(np.int32), goes_left, left, right, value)


def together(trees: Sequence[CategoryTree], asked: I32, item: I32) -> F32:
    """Return the sum of the trees for each question with each item.

    A leaf is reached where the question and the item both meet what is asked of them on the way to it: the sum over the
    leaves is an inner product. asked (B, d), item (n, e): categories of the columns 0 to d and d to d + e -> (B, n)
    """
    total = np.zeros((len(asked), len(item)), np.float32)
    for some in batches(trees):
        of_question = np.concatenate([tree.met(asked, 0) * tree.value[:, None] for tree in some])
        of_item = np.concatenate([tree.met(item, asked.shape[1]) for tree in some]).astype(np.float32)
        total += of_question.T @ of_item
    return total


def batches(trees: Sequence[CategoryTree]) -> Iterator[Sequence[CategoryTree]]:
    """Give the trees in turn, some LEAVES of their leaves together."""
    begin = leaves = 0
    for end, one in enumerate(trees, 1):
        leaves += len(one.value)
        if leaves >= LEAVES or end == len(trees):
            yield trees[begin:end]
            begin, leaves = end, 0
