"""Serendipity: hits that a list of the most popular items of the same length would not have shown.

Reference: Ge, Delgado-Battenfeld and Jannach, "Beyond accuracy: evaluating recommender systems by coverage and
serendipity", RecSys 2010: useful and not in what a primitive model recommends, over the length of the list.
"""

import numpy as np

from serendip.arrays import F64, Bool, Ints
from serendip.metrics.ranking import hits, precision


def serendipity(hit: Bool, item: Ints, popular: Ints, n_relevant: Ints, k: int) -> F64:
    """Return |first k, relevant, not among the first k of the popular slate| / k, (B,); NaN where nothing is relevant.

    hit, item: (B, k_max), the slate and its hits. popular: (B, k_max), each user's slate by popularity, made under the
    same exclusions. Padding is -1.
    """
    rows, width = popular[:, :k].shape
    expected = hits(item[:, :k], np.arange(rows + 1) * width, popular[:, :k].ravel())
    return precision(hit[:, :k] & ~expected, n_relevant, k)
