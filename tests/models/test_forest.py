"""Trees as arrays say what LightGBM says."""

import numpy as np
import pytest

from serendip.models.contract import Run
from serendip.models.forest import read_forest, together
from serendip.models.trees import grown, predicted, read_trees

pytest.importorskip("lightgbm", reason="lightgbm is not installed: pip install 'serendip[trees]'")


@pytest.mark.parametrize("leaves", [2, 31])
def test_all_pairs_get_what_each_gets_from_the_library(leaves: int) -> None:
    random = np.random.default_rng(0)
    asked = random.integers(0, (70, 3), (200, 2), np.int32)
    item = random.integers(0, (90, 4, 6), (150, 3), np.int32)
    row, column = random.integers(0, 200, 6000), random.integers(0, 150, 6000)
    x = np.concatenate([asked[row], item[column]], axis=1).astype(np.float32)
    label = ((x[:, 0] % 7 > x[:, 2] % 5) ^ (x[:, 1] == 1)).astype(np.float32)
    settings = {"num_leaves": leaves, "min_data_in_leaf": 5, "cat_smooth": 1.0}
    text = grown(x, label, None, np.arange(len(x)) % 10 == 0, settings, 40, 5, Run())
    asked[:5] = 500, 9  # categories that no tree has met
    every = np.concatenate([np.repeat(asked, 150, axis=0), np.tile(item, (200, 1))], axis=1).astype(np.float32)
    told = predicted(read_trees(text), every, raw=True).reshape(200, 150)
    np.testing.assert_allclose(together(read_forest(text), asked, item), told, rtol=1e-4, atol=1e-5)


def test_a_tree_of_one_leaf_adds_the_same_to_all() -> None:
    x = np.zeros((50, 2), np.float32)
    text = grown(x, (np.arange(50) < 10).astype(np.float32), None, np.zeros(50, np.bool_), {}, 3, 2, Run())
    forest = read_forest(text)
    told = predicted(read_trees(text), x[:1], raw=True)
    np.testing.assert_allclose(together(forest, np.zeros((2, 1), np.int32), np.zeros((3, 1), np.int32)), told[0])
