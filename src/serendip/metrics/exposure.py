"""How the slates spread over the catalogue: one number for all slates, from how often each item was shown.

`exposure` of blocks of slates adds up, so the counts of any number of users take one array.
"""

import numpy as np

from serendip.arrays import I64, Ints


def exposure(item: Ints, n_items: int, k: int) -> I64:
    """Return how often each item stands among the first k of a slate, (n_items,); item: (B, k_max), -1 is padding."""
    shown = item[:, :k].ravel()
    return np.bincount(shown[shown >= 0], minlength=n_items).astype(np.int64)


def coverage(count: Ints) -> float:
    """Return the share of the catalogue that was shown at all."""
    return float(np.count_nonzero(count) / len(count)) if len(count) else float("nan")


def gini(count: Ints) -> float:
    """Return the Gini coefficient of exposure over the whole catalogue: 0 all alike, towards 1 all on one item.

    With counts in rising order, sum of (2 i - n - 1) count_i over n sum of counts. NaN where nothing was shown.
    """
    n, total = len(count), float(np.sum(count))
    if not total:
        return float("nan")
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(count) / (n * total))


def entropy(count: Ints) -> float:
    """Return the Shannon entropy of exposure in bits: log2(n_items) where all items are shown alike."""
    total = float(np.sum(count))
    if not total:
        return float("nan")
    share = count[count > 0] / total
    return float(-(share * np.log2(share)).sum()) + 0.0  # + 0.0 turns -0.0 into 0.0
